import Contracts
import JSON
import Kernel
import Postgres
import Telemetry
import TestSupport
import Testing

@testable import NotificationService

/// Clients that do not keep up: what they are told, and what they end with.
@Suite(.timeLimit(.minutes(2))) struct PaceTests {
    private func options(_ change: (inout NotificationFixture.Options) -> Void = { _ in })
        -> NotificationFixture.Options
    {
        var options = NotificationFixture.Options()
        options.limits.softBytes = 32 * 1024
        options.limits.lowBytes = 8 * 1024
        options.limits.slow = SlowLadder.Limits(resyncAfter: .seconds(30), closeAfter: .seconds(60))
        change(&options)
        return options
    }

    /// A client with little room in the kernel, which has got its snapshot of everything.
    private func slow(_ fixture: NotificationFixture, _ replica: inout Replica, mode: String = "all") async throws
        -> SocketClient
    {
        let socket = try await fixture.socket(receiveBuffer: 4096)
        try await socket.send(#"{"type":"subscribe","mode":"\#(mode)","contexts":[{"context_id":"all"}]}"#)
        replica.apply(try await socket.next("snapshot"))
        return socket
    }

    private func read(_ socket: SocketClient, _ replica: inout Replica, until isDone: (Replica) -> Bool) async throws {
        while !isDone(replica) { replica.apply(try #require(try await socket.next().message)) }
    }

    /// Changes jobs back and forth until a metric is there.
    private func churn(_ fixture: NotificationFixture, _ jobs: [JobID], until metric: String) async throws {
        var rounds = 0
        while !fixture.metrics.prometheusText().contains(metric) {
            rounds += 1
            try #require(rounds < 200, "\(metric) never came")
            try await fixture.change(jobs, to: rounds.isMultiple(of: 2) ? .queued : .processing)
        }
    }

    private func truth(_ fixture: NotificationFixture) async throws -> [String] {
        try await fixture.pool.query("SELECT id::text || ' ' || seq || ' ' || status FROM jobs.jobs")
            .map { try $0.decode(0, as: String.self) }.sorted()
    }

    @Test func `who was slow and reads again is told what it skipped, and ends equal to the database`() async throws {
        try await NotificationFixture.run(options()) { fixture in
            var replica = Replica()
            let socket = try await slow(fixture, &replica)
            var jobs: [JobID] = []
            for _ in 0..<20 { jobs.append(try await fixture.job()) }
            try await churn(fixture, jobs, until: "martlet_notify_slow_conflated_total 1")
            try await fixture.change(jobs, to: .completed)
            let last = try await fixture.job()
            try await read(socket, &replica) { $0.statuses["\(last)"] != nil }
            #expect(replica.faults == [])
            #expect(replica.skips > 0)
            #expect(try await replica.fingerprint == truth(fixture))
            // It is as good as new.
            try await fixture.change([last], to: .processing)
            try await read(socket, &replica) { $0.statuses["\(last)"]?.seq == 2 }
            #expect(replica.faults == [])
            #expect(fixture.metrics.prometheusText().contains("martlet_notify_slow_closes_total 0"))
        }
    }

    @Test func `who is overtaken by the ring goes on from the log, or all anew`() async throws {
        try await NotificationFixture.run(options { $0.hub.updatesPerContext = 16 }) { fixture in
            var replica = Replica()
            let socket = try await slow(fixture, &replica)
            var jobs: [JobID] = []
            for _ in 0..<50 { jobs.append(try await fixture.job()) }
            try await churn(fixture, jobs, until: "martlet_notify_slow_conflated_total 1")
            for _ in 0..<4 { try await churn(fixture, jobs, until: "martlet_feed_events_total") }
            try await fixture.change(jobs, to: .completed)
            let last = try await fixture.job()
            try await read(socket, &replica) { $0.statuses["\(last)"] != nil }
            #expect(replica.faults == [])
            #expect(try await replica.fingerprint == truth(fixture))
        }
    }

    @Test func `who took nothing for long gets a snapshot, and its queue is let go`() async throws {
        let limits = SlowLadder.Limits(resyncAfter: .milliseconds(300), closeAfter: .seconds(60))
        try await NotificationFixture.run(options { $0.limits.slow = limits }) { fixture in
            var replica = Replica()
            let socket = try await slow(fixture, &replica)
            var jobs: [JobID] = []
            for _ in 0..<20 { jobs.append(try await fixture.job()) }
            try await churn(fixture, jobs, until: "martlet_notify_slow_conflated_total 1")
            // What had begun to leave stays; the suite's time limit bounds the wait.
            while true {
                let items = try await fixture.send("GET", "/api/connections").json["items"]?.elements.map { $0 } ?? []
                if items.first?["queued_bytes"]?.int ?? .max < 4096 { break }
            }
            try await fixture.change(jobs, to: .completed)
            try await read(socket, &replica) { $0.snapshots == 2 }
            #expect(replica.faults == [])
            let last = try await fixture.job()
            try await read(socket, &replica) { $0.statuses["\(last)"] != nil }
            #expect(replica.faults == [])
            #expect(try await replica.fingerprint == truth(fixture))
            #expect(fixture.metrics.prometheusText().contains("martlet_notify_slow_resynced_total 1"))
        }
    }

    @Test func `who wants the latest alone is told of every jump`() async throws {
        try await NotificationFixture.run(options()) { fixture in
            var replica = Replica()
            let socket = try await slow(fixture, &replica, mode: "latest")
            var jobs: [JobID] = []
            for _ in 0..<20 { jobs.append(try await fixture.job(tells: false)) }
            // All in one hand-over, so that there is something to leave out.
            for _ in 0..<10 {
                try await fixture.change(jobs, to: .processing, tells: false)
                try await fixture.change(jobs, to: .queued, tells: false)
            }
            try await fixture.change(jobs, to: .completed)
            let last = try await fixture.job()
            var updates = 0
            while replica.statuses["\(last)"] == nil {
                let message = try #require(try await socket.next().message)
                if message["type"]?.string == "job_update" { updates += 1 }
                replica.apply(message)
            }
            #expect(replica.faults == [])
            #expect(try await replica.fingerprint == truth(fixture))
            #expect(replica.skips > 0)
            // 22 changes of each job.
            #expect(updates < 20 * 22 / 2)
            // One alone comes as it is.
            try await fixture.change([last], to: .processing)
            try await read(socket, &replica) { $0.statuses["\(last)"]?.seq == 2 }
            #expect(replica.faults == [])
        }
    }
}
