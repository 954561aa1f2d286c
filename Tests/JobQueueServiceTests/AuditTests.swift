import Contracts
import HTTPClient
import JSON
import Kernel
import Postgres
import TestSupport
import Testing

@testable import JobQueueService

/// The auditor finds what is broken on purpose, and nothing else.
@Suite(.timeLimit(.minutes(2))) struct AuditTests {
    /// All findings of all pages, as `check id`.
    private static func findings(_ fixture: JobQueueFixture, limit: Int = 1000) async throws -> [String] {
        var found: [String] = []
        var cursor: String?
        repeat {
            let query = cursor.map { "&cursor=\($0)" } ?? ""
            let answer = try await fixture.send("GET", "/api/audit?limit=\(limit)\(query)")
            try #require(answer.status == 200)
            let checks = answer.json["checks"]?.elements.map { $0 } ?? []
            #expect(checks.count == AuditCheck.allCases.count)
            for check in checks {
                let examples = check["examples"]?.elements.map { $0 } ?? []
                #expect(check["count"]?.int == examples.count)
                found += examples.map { "\(check["check"]?.string ?? "") \($0["id"]?.string ?? "")" }
            }
            #expect(answer.json["clean"]?.bool == checks.allSatisfy { $0["count"]?.int == 0 })
            cursor = answer.json["next_cursor"]?.string
        } while cursor != nil
        return found.sorted()
    }

    @Test func `whatever is broken on purpose is named, and mended data is clean`() async throws {
        try await JobQueueFixture.run { fixture in
            let worker = try await fixture.worker(capacity: 2)
            let queued = try await fixture.submit(#"{"kind":"other","params":{}}"#)
            let scheduled = try await fixture.submit(#"{"params":{},"delay_ms":3600000}"#)
            let blocked = try await fixture.submit(#"{"params":{},"depends_on":["\#(scheduled)"]}"#)
            func begin() async throws -> LeaseKey {
                _ = try await fixture.submit()
                let key = try await fixture.lease(worker)
                _ = try await fixture.queue.dispatcher.start(key)
                return key
            }
            let done = try await begin()
            _ = try await fixture.queue.dispatcher.complete(Completion(key: done))
            let running = try await begin()
            try await eventually { try await fixture.pool.query("SELECT FROM jobs.dependency_checks").isEmpty }
            #expect(try await AuditTests.findings(fixture) == [])
            #expect(try await AuditTests.findings(fixture, limit: 2) == [])

            let (run, end, ghost) = (running.jobID, done.jobID, JobID(IdentifierSource().uuid()))
            let spare = "'00000000-0000-7000-8000-00000000000a'"
            let everlasting = "UPDATE jobs.workers SET expires_at = now() + interval '1 day'"
            _ = try await fixture.pool.execute("\(unchecked: everlasting)")
            // Each: how it is broken, what must be found, how it is mended.
            let cases: [(String, [String], String)] = [
                (
                    "DELETE FROM jobs.ready WHERE job_id = '\(queued)'", ["queued_nowhere \(queued)"],
                    "INSERT INTO jobs.ready (job_id, kind, queue, priority) VALUES ('\(queued)', 'other', 'default', 0)"
                ),
                (
                    "DELETE FROM jobs.scheduled WHERE job_id = '\(scheduled)'", ["scheduled_nowhere \(scheduled)"],
                    "INSERT INTO jobs.scheduled SELECT id, run_at FROM jobs.jobs WHERE id = '\(scheduled)'"
                ),
                (
                    "UPDATE jobs.jobs SET depends_on = ARRAY['\(end)'::uuid] WHERE id = '\(blocked)'",
                    ["blocked_forever \(blocked)"],
                    "UPDATE jobs.jobs SET depends_on = ARRAY['\(scheduled)'::uuid] WHERE id = '\(blocked)'"
                ),
                (
                    "UPDATE jobs.leases SET job_id = '\(ghost)' WHERE job_id = '\(run)'",
                    ["lease_without_job \(ghost)", "processing_without_lease \(run)"],
                    "UPDATE jobs.leases SET job_id = '\(run)' WHERE job_id = '\(ghost)'"
                ),
                (
                    "UPDATE jobs.leases SET fence = fence + 1",
                    ["lease_with_wrong_fence \(run)", "processing_without_lease \(run)"],
                    "UPDATE jobs.leases SET fence = fence - 1"
                ),
                (
                    "UPDATE jobs.jobs SET completed_at = now(), status = 'failed' WHERE id = '\(run)'",
                    ["final_with_lease \(run)", "row_is_not_last_event \(run)"],
                    "UPDATE jobs.jobs SET completed_at = NULL, status = 'processing' WHERE id = '\(run)'"
                ),
                (
                    "INSERT INTO jobs.ready (job_id, kind, queue, priority) VALUES ('\(end)', 'nobody', 'default', 0)",
                    ["in_line_but_not_queued \(end)"], "DELETE FROM jobs.ready WHERE kind = 'nobody'"
                ),
                (
                    "INSERT INTO jobs.scheduled VALUES ('\(end)', now() + interval '1 day')",
                    ["timed_but_not_scheduled \(end)"], "DELETE FROM jobs.scheduled WHERE job_id = '\(end)'"
                ),
                (
                    "UPDATE shared.events SET seq = 7 WHERE subject = '\(run)' AND seq = 1",
                    ["row_is_not_last_event \(run)", "sequence_gap \(run)"],
                    "UPDATE shared.events SET seq = 1 WHERE subject = '\(run)' AND seq = 7"
                ),
                (
                    """
                    INSERT INTO shared.events (type, subject, seq, event_id, body)
                    SELECT type, subject, seq + 1, 'forged', body FROM shared.events WHERE subject = '\(end)' AND seq = 3
                    """,
                    ["changed_after_final \(end)", "row_is_not_last_event \(end)", "two_final_events \(end)"],
                    "DELETE FROM shared.events WHERE event_id = 'forged'"
                ),
                (
                    "UPDATE jobs.jobs SET seq = seq + 1 WHERE id = '\(queued)'", ["row_is_not_last_event \(queued)"],
                    "UPDATE jobs.jobs SET seq = seq - 1 WHERE id = '\(queued)'"
                ),
                (
                    """
                    INSERT INTO shared.events (type, subject, seq, event_id, body, at)
                    VALUES ('card.updated', \(spare), 1, 'old', '{}', now() - interval '2 minutes')
                    """, [], ""
                ),
                (
                    """
                    INSERT INTO shared.cursors (name, epoch, transaction_id, row_id)
                    SELECT 'relay', shared.log_epoch(), transaction_id, id - 1 FROM shared.events WHERE event_id = 'old'
                    """, ["event_not_published 00000000-0000-7000-8000-00000000000a"],
                    "DELETE FROM shared.cursors WHERE name = 'relay'"
                ),
                (
                    "UPDATE jobs.workers SET capacity = 0 WHERE id = '\(worker.id)'",
                    ["worker_over_capacity \(worker.id)"],
                    "UPDATE jobs.workers SET capacity = 2 WHERE id = '\(worker.id)'"
                ),
            ]
            for (breaking, expected, mending) in cases {
                _ = try await fixture.pool.execute("\(unchecked: breaking)")
                #expect(try await AuditTests.findings(fixture) == expected, "\(breaking)")
                if !mending.isEmpty { _ = try await fixture.pool.execute("\(unchecked: mending)") }
            }
            #expect(try await AuditTests.findings(fixture) == [])
        }
    }

    @Test func `a worker that nobody rescues from is found`() async throws {
        try await JobQueueFixture.run { fixture in
            let worker = try await fixture.worker()
            _ = try await fixture.submit()
            let key = try await fixture.lease(worker)
            // The rescuer is kept from its work by who holds the worker's row.
            try await fixture.pool.withTransaction { holder in
                try holder.execute("UPDATE jobs.workers SET name = 'held'")
                let look: SQL = AuditStatements.places(from: UUID(high: 0, low: 0), to: UUID(high: .max, low: 0))
                #expect(try holder.query(look).isEmpty)
                try holder.execute("UPDATE jobs.workers SET expires_at = now() - interval '2 minutes'")
                let found = try holder.query(look)
                #expect(found.count == 1)
                #expect(try found[0].decode(0) == "lease_of_dead_worker")
                #expect(try found[0].decode(1) == key.jobID.uuid)
            }
        }
    }

    @Test func `jobs on their way raise no alarm`() async throws {
        try await JobQueueFixture.run { fixture in
            let isDone = Flag()
            try await withThrowingTaskGroup(of: Void.self) { group in
                for lane in 0..<2 {
                    group.addTask {
                        let kind = "a\(lane)"
                        let worker = try await fixture.worker([kind])
                        for round in 0..<40 {
                            let id = try await fixture.submit(#"{"kind":"\#(kind)","params":{}}"#)
                            if round % 3 == 0 {
                                async let cancelled = fixture.send("POST", "/api/jobs/\(id)/cancel")
                                _ = try await fixture.queue.dispatcher.acquire(worker, limit: 5, wait: .zero)
                                _ = try await cancelled
                                continue
                            }
                            let key = try await fixture.lease(worker)
                            _ = try await fixture.queue.dispatcher.start(key)
                            if round % 3 == 1 {
                                _ = try await fixture.queue.dispatcher.complete(Completion(key: key))
                            } else {
                                _ = try await fixture.queue.dispatcher.release(Release(key: key))
                            }
                        }
                    }
                }
                group.addTask {
                    var audits = 0
                    while !isDone.isUp {
                        let found = try await AuditTests.findings(fixture, limit: 7)
                        #expect(found == [])
                        audits += 1
                    }
                    #expect(audits > 1)
                }
                for _ in 0..<2 { try await group.next() }
                isDone.raise()
                try await group.waitForAll()
            }
        }
    }

    @Test func `only administrators of everything may audit, and zeroes are exported`() async throws {
        try await JobQueueFixture.run { fixture in
            for (scopes, more) in [
                ("jobs:read", ""), ("admin", #","project_id":"01890000-0000-7000-8000-00000000000a""#),
            ] {
                let body = #"{"name":"k","scopes":["\#(scopes)"]\#(more)}"#
                let token = try #require(try await fixture.send("POST", "/api/keys", body).json["token"]?.string)
                #expect(try await fixture.send("GET", "/api/audit", token: token).status == 403)
            }
            let text = try await fixture.fetch("/metrics").text
            for check in AuditCheck.allCases {
                #expect(text.contains("martlet_audit_findings{check=\"\(check.rawValue)\"} 0"))
            }
        }
    }
}
