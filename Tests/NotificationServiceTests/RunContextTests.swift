import Concurrency
import Contracts
import JSON
import Kernel
import Messaging
import Postgres
import TestSupport
import Testing

@testable import NotificationService

/// What agents do, for those who watch a run or its thread.
@Suite(.timeLimit(.minutes(3))) struct RunContextTests {
    @Test func `events of runs reach those who watch the run or the thread, in order and from a cursor again`()
        async throws
    {
        try await NotificationFixture.run { fixture in
            let (run, thread) = try await RunContextTests.run(nil, in: fixture)
            let first = try await fixture.socket("/ws?context_id=run:\(run)")
            let second = try await fixture.socket("/ws?context_id=thread:\(thread)")
            for socket in [first, second] {
                #expect(try await socket.next("snapshot")["jobs"]?.elements.map { $0 }.isEmpty == true)
            }
            for seq in 1...3 { try await RunContextTests.append(seq, run, thread, nil, in: fixture) }
            var cursor = ""
            for seq in 1...3 {
                let event = try await first.next("event")
                #expect(event["data"]?["type"]?.string == "run.event" && event["data"]?["seq"]?.int == seq)
                #expect(try await second.next("event")["data"]?["seq"]?.int == seq)
                if seq == 1 { cursor = try #require(event["cursor"]?.string) }
            }
            let later = try await fixture.socket("/ws?context_id=run:\(run)&cursor=\(cursor)")
            #expect(try await later.next("event")["data"]?["seq"]?.int == 2)
            #expect(try await later.next("event")["data"]?["seq"]?.int == 3)
        }
    }

    @Test func `a token of one project watches the runs and threads of that project alone`() async throws {
        try await NotificationFixture.run { fixture in
            let project: ProjectID = IdentifierSource().next()
            let mine = try await RunContextTests.run(project, in: fixture)
            let foreign = try await RunContextTests.run(nil, in: fixture)
            let token = try await fixture.key([.eventsRead], project: project)
            for (context, status) in [
                ("run:\(mine.run)", 200), ("thread:\(mine.thread)", 200), ("run:\(foreign.run)", 403),
                ("thread:\(foreign.thread)", 403), ("run:\(IdentifierSource().uuid())", 403),
            ] {
                let answer = try await fixture.send("GET", "/poll?context_id=\(context)", token: token)
                #expect(answer.status == status, "\(context)")
            }
        }
    }

    private static func run(_ project: ProjectID?, in fixture: NotificationFixture) async throws -> (
        run: RunID, thread: ThreadID
    ) {
        let (run, thread): (RunID, ThreadID) = (IdentifierSource().next(), IdentifierSource().next())
        if let project {
            try await fixture.pool.execute("INSERT INTO agent.projects (id, title) VALUES (\(project), 'A project')")
        }
        try await fixture.pool.execute("INSERT INTO agent.threads (id, project_id) VALUES (\(thread), \(project))")
        try await fixture.pool.execute(
            """
            INSERT INTO agent.runs (id, thread_id, project_id, principal, settings, deadline_at)
            VALUES (\(run), \(thread), \(project), '{}', '{}', now())
            """
        )
        return (run, thread)
    }

    private static func append(
        _ seq: Int,
        _ run: RunID,
        _ thread: ThreadID,
        _ project: ProjectID?,
        in fixture: NotificationFixture
    ) async throws {
        let body = RawJSON(
            #"{"event_id":"\#(run):\#(seq)","type":"run.event","run_id":"\#(run)","thread_id":"\#(thread)","seq":\#(seq)}"#
        )
        let append = EventLog.append(
            .runEvent,
            id: "\(run):\(seq)",
            subject: run.uuid,
            seq: seq,
            project: project,
            card: nil,
            body: body,
            traceparent: nil
        )
        try await fixture.pool.execute(append)
        fixture.wakeup.signal()
    }
}
