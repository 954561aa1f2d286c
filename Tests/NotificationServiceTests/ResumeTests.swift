import Concurrency
import Contracts
import JSON
import Kernel
import Messaging
import Postgres
import Telemetry
import TestSupport
import Testing

@testable import NotificationService

/// Invariant 7: who resumes with its cursor ends with the database's state, and jumps are announced.
@Suite(.timeLimit(.minutes(2))) struct ResumeTests {
    private func subscribe(_ fixture: NotificationFixture, _ context: String, _ cursor: String?) async throws
        -> SocketClient
    {
        let socket = try await fixture.socket()
        let from = cursor.map { #","cursor":"\#($0)""# } ?? ""
        try await socket.send(#"{"type":"subscribe","id":"s","contexts":[{"context_id":"\#(context)"\#(from)}]}"#)
        return socket
    }

    @Test func `clients that disconnect at random end equal to the database`() async throws {
        var options = NotificationFixture.Options()
        // So small that the log and snapshots are needed too.
        options.hub.updatesPerContext = 32
        try await NotificationFixture.run(options) { fixture in
            let card: CardID = IdentifierSource().next()
            let isDone = Late<String>()
            let writing = Task {
                for _ in 0..<35 {
                    var jobs: [JobID] = []
                    for _ in 0..<15 { jobs.append(try await fixture.job(card: card, tells: false)) }
                    for status in [JobStatus.processing, .queued, .processing, .completed] {
                        try await fixture.change(jobs, to: status)
                    }
                }
                // The last event: who has it has all.
                let last = try await fixture.job(card: card)
                isDone.value = "\(last)"
            }
            let replicas = try await withThrowingTaskGroup(of: Replica.self) { group in
                for client in 0..<8 {
                    group.addTask {
                        var random = SystemRandomNumberGenerator()
                        var replica = Replica()
                        while true {
                            let socket = try await subscribe(fixture, "\(card)", replica.cursor)
                            let patience = Int.random(in: 1...(client < 4 ? 40 : 400), using: &random)
                            for _ in 0..<patience {
                                guard let message = try await socket.next().message else {
                                    replica.faults.append("closed")
                                    break
                                }
                                replica.apply(message)
                                if let last = isDone.value, replica.statuses[last] != nil { return replica }
                            }
                            replica.pages = []
                            await socket.drop()
                        }
                    }
                }
                var replicas: [Replica] = []
                for try await replica in group { replicas.append(replica) }
                return replicas
            }
            try await writing.value
            let rows = try await fixture.pool.query("SELECT id::text, seq, status FROM jobs.jobs")
            let truth =
                try rows.map { row in
                    "\(try row.decode(0, as: String.self)) \(try row.decode(1, as: Int.self)) \(try row.decode(2, as: String.self))"
                }
                .sorted()
            #expect(truth.count == 526)
            for replica in replicas {
                #expect(replica.faults == [])
                #expect(replica.fingerprint == truth)
            }
        }
    }

    @Test func `a cursor is answered from the ring, else from the log`() async throws {
        var options = NotificationFixture.Options()
        options.hub.updatesPerContext = 4
        try await NotificationFixture.run(options) { fixture in
            let card: CardID = IdentifierSource().next()
            let first = try await subscribe(fixture, "\(card)", nil)
            let start = try #require(try await first.next("snapshot")["cursor"]?.string)
            let anchor = try await fixture.job(card: card)
            let early = try #require(try await first.next("job_update")["cursor"]?.string)
            var jobs: [JobID] = []
            for _ in 0..<10 { jobs.append(try await fixture.job(card: card)) }
            var cursors: [String] = []
            for _ in jobs { cursors.append(try await first.next("job_update")["cursor"]?.string ?? "") }
            let metrics = fixture.metrics

            let near = try await subscribe(fixture, "\(card)", cursors[7])
            #expect(try await near.next("subscribed")["recovered"]?.bool == true)
            #expect(try await near.next("job_update")["data"]?["job_id"]?.string == "\(jobs[8])")
            #expect(metrics.prometheusText().contains(#"martlet_notify_resumed_total{from="ring"} 1"#))

            let far = try await subscribe(fixture, "\(card)", early)
            #expect(try await far.next("subscribed")["recovered"]?.bool == true)
            for job in jobs { #expect(try await far.next("job_update")["data"]?["job_id"]?.string == "\(job)") }
            #expect(metrics.prometheusText().contains(#"martlet_notify_resumed_total{from="log"} 1"#))

            // Before the oldest event there may have been others: never silence.
            let lost = try await subscribe(fixture, "\(card)", start)
            #expect(try await lost.next("subscribed")["recovered"]?.bool == false)
            let snapshot = try await lost.next("snapshot")
            #expect(snapshot["reason"]?.string == "expired")
            #expect(snapshot["jobs"]?.elements.compactMap { $0["job_id"]?.string }.last == "\(anchor)")
        }
    }

    @Test func `a foreign, future or senseless cursor gets a snapshot`() async throws {
        try await NotificationFixture.run { fixture in
            let job = try await fixture.job()
            let epoch = try #require(fixture.notification.hub.head?.epoch)
            for cursor in ["deadbeef.1.1", "\(epoch).99999999999.1", "nonsense"] {
                let socket = try await subscribe(fixture, "job:\(job)", cursor)
                #expect(try await socket.next("subscribed")["recovered"]?.bool == false)
                let snapshot = try await socket.next("snapshot")
                #expect(snapshot["reason"]?.string == "expired")
                #expect(snapshot["jobs"]?.elements.compactMap { $0["job_id"]?.string } == ["\(job)"])
            }
        }
    }

    @Test func `a large snapshot comes in pages, and only the last has the cursor`() async throws {
        try await NotificationFixture.run { fixture in
            let project: ProjectID = IdentifierSource().next()
            for _ in 0..<120 { try await fixture.job(project: project, tells: false) }
            let socket = try await subscribe(fixture, "project:\(project)", nil)
            var counts: [Int] = []
            var isLast = false
            while !isLast {
                let page = try await socket.next("snapshot")
                counts.append(page["jobs"]?.elements.map { $0 }.count ?? 0)
                isLast = page["last"]?.bool == true
                #expect((page.value("cursor") != nil) == isLast)
            }
            #expect(counts == [50, 50, 20])
        }
    }

    @Test func `another history gives everybody a snapshot`() async throws {
        try await NotificationFixture.run { fixture in
            let job = try await fixture.job()
            let socket = try await subscribe(fixture, "job:\(job)", nil)
            _ = try await socket.next("snapshot")
            _ = try await fixture.pool.execute("UPDATE shared.log_origin SET salt = 'restored'")
            let snapshot = try await socket.next("snapshot")
            #expect(snapshot["reason"]?.string == "expired")
            let cursor = try #require(snapshot["cursor"]?.string.flatMap { Position($0) })
            #expect(cursor.epoch == (try await EventLogReader(fixture.pool).epoch()))
            try await fixture.change([job], to: .completed)
            #expect(try await socket.next("job_update")["data"]?["status"]?.string == "completed")
        }
    }
}
