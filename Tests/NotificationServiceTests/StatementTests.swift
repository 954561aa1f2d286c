import Contracts
import JSON
import Kernel
import Messaging
import Postgres
import Store
import Telemetry
import TestSupport
import Testing

@testable import NotificationService

/// Plans every statement of the notification service.
@Suite(.timeLimit(.minutes(3))) struct StatementTests {
    @Test func `every statement can be planned`() async throws {
        let defects = try await StatementCatalogue.defects {
            try await Schema.migrate($0, logger: .silent)
        } in: { pool in
            try await StatementTests.statements(pool)
        }
        #expect(defects == [])
    }

    static func statements(_ pool: Pool) async throws -> [StatementCatalogue.Entry] {
        let ids = IdentifierSource()
        let (job, card, project): (JobID, CardID, ProjectID) = (ids.next(), ids.next(), ids.next())
        let wire =
            #"{"event_id":"\#(job):3","type":"job.status.updated","job_id":"\#(job)","seq":3,"status":"completed","#
            + #""position":"0123abcd.2.2","prev_position":"0123abcd.1.1"}"#
        let event = try #require(FeedEvent(wire: Array(wire.utf8)))
        let id = ids.uuid()
        // A callback exists only as a row.
        let row = try #require(
            try await pool.query(
                "SELECT now(), \(id), 'e', 'agent', 'http://h/', 'h', '{}'::json, 1::bigint, NULL::text"
            )
            .first
        )
        let callback = try #require(try Callback(row))
        let filter = try CallbackFilter(
            dead: try JSONDocument(
                parsing: #"{"target":"url","host":"h","job_id":"\#(job)","created_after":"2026-01-01T00:00:00Z"}"#
            )
            .root
        )
        let final = FinalEvent(event: event, traceparent: nil, agentCallback: id, urlCallback: ids.uuid())
        let contexts: [ContextID] = [
            .card(card), .project(project), .job(job), .queue("q"), .thread(ids.next()), .run(ids.next()), .all,
        ]
        return [
            ("note", CallbackStatements.note([final], agentURL: "http://h")),
            (
                "take for the agent",
                CallbackStatements.take(for: .agent, atMost: 1, perLane: 1, [("", 1)], after: nil, lease: .seconds(1))
            ),
            (
                "take for URLs",
                CallbackStatements.take(
                    for: .url,
                    atMost: 1,
                    perLane: 1,
                    [("h", 0)],
                    after: WallClock.system.now(),
                    lease: .seconds(1)
                )
            ),
            (
                "put off",
                CallbackStatements.putOff(for: .url, [("h", .seconds(1))], olderThan: .seconds(60), atMost: 1)
            ),
            ("delivered", CallbackStatements.delivered([callback])),
            (
                "failed",
                CallbackStatements.failed(callback, "why", tryingAfter: .seconds(1), olderThan: .seconds(60))
            ),
            ("forget", CallbackStatements.forget(before: id, atMost: 1)),
            ("list", CallbackStatements.list(filter, before: id, limit: 1)),
            ("count", CallbackStatements.count(filter, atMost: 1)),
            ("retry many", CallbackStatements.retry(filter, atMost: 1)),
            ("retry", CallbackStatements.retry(id)), ("state", CallbackStatements.state(id)),
            ("callbacks of an event", TraceStatements.callbacks(of: id, seq: 1, event: "e")),
            ("card", ContextAccessStatements.card(card, in: project)),
            ("job", ContextAccessStatements.job(job, in: project)),
            ("thread", ContextAccessStatements.thread(ids.next(), in: project)),
            ("run", ContextAccessStatements.run(ids.next(), in: project)),
            ("renew", PresenceStatements.renew(id, .seconds(1))), ("forget dead", PresenceStatements.forgetDead()),
            ("leave", PresenceStatements.leave(id)), ("set watchers", PresenceStatements.set(id, ["all"], [1])),
            ("elsewhere", PresenceStatements.elsewhere("all", id)),
            ("ticket", TicketStatements.insert([1], RawJSON("{}"), .seconds(1))),
            ("redeem", TicketStatements.redeem([1])),
        ] + contexts.map { ("page of \($0)", SnapshotStatements.page(of: $0, before: job, limit: 1)) }
    }
}
