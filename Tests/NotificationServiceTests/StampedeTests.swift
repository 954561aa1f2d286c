import Concurrency
import Contracts
import Kernel
import Messaging
import Telemetry
import TestSupport
import Testing

@testable import NotificationService

/// Ten thousand that come back at once: the database is asked a few times.
@Suite(.timeLimit(.minutes(2))) struct StampedeTests {
    private let metrics = Metrics()

    private func recovery(_ fixture: NotificationFixture) -> Recovery {
        let metrics = NotificationMetrics(metrics)
        return Recovery(
            hub: fixture.notification.hub,
            replays: Replays(EventLogReader(fixture.pool), limit: 1000, metrics: metrics),
            snapshots: Snapshots(fixture.pool, metrics: metrics),
            metrics: metrics
        )
    }

    private func reads(_ what: String) -> Int {
        let line = metrics.prometheusText().split(separator: "\n")
            .first { $0.hasPrefix("martlet_notify_reads_total{of=\"\(what)\"}") }
        return line.flatMap { $0.split(separator: " ").last }.flatMap { Int($0) } ?? 0
    }

    @Test func `ten thousand cursors of one context are answered by a few reads of the log`() async throws {
        try await NotificationFixture.run { fixture in
            let card: CardID = IdentifierSource().next()
            var jobs: [JobID] = []
            for _ in 0..<40 { jobs.append(try await fixture.job(card: card, tells: false)) }
            fixture.wakeup.signal()
            let reader = EventLogReader(fixture.pool)
            let epoch = try await reader.epoch()
            let end = try await reader.settledEnd()
            let oldest = try #require(try await reader.oldest())
            let all = try await reader.latest(of: .card(card), after: oldest, upTo: end, atMost: 100)
            try #require(all.count == 39)
            try await eventually("the hub has heard all") { fixture.notification.hub.head == end.position(in: epoch) }
            // The hub has nothing of this context, so everything comes from the log.
            fixture.notification.hub.watch(.card(card))
            let recovery = recovery(fixture)
            let wrong = try await withThrowingTaskGroup(of: Bool.self) { group in
                for client in 0..<10_000 {
                    group.addTask {
                        let known = client % 38
                        let cursor = all[known].place.position(in: epoch).description
                        guard case .replay(let updates, _) = try await recovery.recover(.card(card), from: cursor)
                        else {
                            return true
                        }
                        return updates.map { LogPlace($0.position) } != all[(known + 1)...].map(\.place)
                    }
                }
                return try await group.reduce(0) { $0 + ($1 ? 1 : 0) }
            }
            #expect(wrong == 0)
            let reads = reads("log")
            #expect((1...100).contains(reads), "\(reads) reads for 10,000 clients")
        }
    }

    @Test func `ten thousand without a cursor share their snapshots`() async throws {
        try await NotificationFixture.run { fixture in
            let card: CardID = IdentifierSource().next()
            for _ in 0..<20 { try await fixture.job(card: card, tells: false) }
            let recovery = recovery(fixture)
            let sizes = try await withThrowingTaskGroup(of: Int.self) { group in
                for _ in 0..<10_000 {
                    group.addTask {
                        guard case .snapshot(let snapshot, .new) = try await recovery.recover(.card(card), from: nil)
                        else { return -1 }
                        return snapshot.jobs.count
                    }
                }
                return try await group.reduce(into: Set<Int>()) { $0.insert($1) }
            }
            #expect(sizes == [20])
            let reads = reads("snapshot")
            #expect((1...100).contains(reads), "\(reads) reads for 10,000 clients")
        }
    }
}
