import Contracts
import Cron
import JSON
import Kernel
import Messaging
import Postgres
import Store
import Telemetry
import TestSupport
import Testing

@testable import JobQueueService

/// Plans every statement against a migrated database, so a typo or a dropped column shows in a second.
@Suite(.timeLimit(.minutes(1))) struct StatementTests {
    @Test func `every statement can be planned`() async throws {
        let defects = try await StatementCatalogue.defects {
            try await Schema.migrate($0, logger: .silent)
        } in: { _ in
            try StatementTests.statements() + StatementTests.insightStatements()
        }
        #expect(defects == [])
    }

    static func statements() throws -> [StatementCatalogue.Entry] {
        let ids = IdentifierSource()
        let key = LeaseKey(jobID: ids.next(), fence: 1)
        let worker = Worker(id: ids.next(), name: "", kinds: ["a"], queues: ["b"], capacity: 1, project: nil)
        let submission = try JobSubmission(JSONDocument(parsing: #"{"params":{}}"#).root)
        let job = Job(submission, id: ids.next(), place: nil, at: WallClock.system.now())
        let special = try [#""delay_ms":1"#, "\"depends_on\":[\"\(job.id)\"]"]
            .map { field in
                let text = #"{"params":{},"deadline_at":"2030-01-01T00:00:00Z","unique":{"key":"a"},\#(field)}"#
                let submission = JobSubmission(try JSONDocument(parsing: text).root)
                return Job(submission, id: ids.next(), place: nil, at: job.createdAt)
            }
        let storedKey = Intake.StoredKey(caller: "", key: "")
        let budget = RetryBudget(ratio: 0.2, perSecond: 10)
        let retries = RetryPolicy(backoff: Backoff(from: .seconds(1), cap: .seconds(9)), budget: budget)
        let stored = ResultStore.Stored(sha256: [1], mediaType: "", bytes: 1)
        let now = WallClock.system.now()
        let schedule: ScheduleID = ids.next()
        let draft = try ScheduleDraft(
            JSONDocument(parsing: #"{"cron":"@daily","job":{"params":{}}}"#).root,
            ZoneDatabase()
        )
        return [
            ("find", JobStatements.find(key.jobID, project: nil)),
            ("lock", JobStatements.lock(key.jobID, project: nil)),
            ("list", JobStatements.list(JobFilter(), before: nil, limit: 1)),
            ("end", JobStatements.end([key.jobID], as: .cancelled, code: nil, message: nil)),
            ("overdue", JobStatements.takeOverdue(limit: 1)), ("promote", JobStatements.promote(limit: 1)),
            ("origin", FollowUpStatements.origin(key.jobID)), ("open", JobStatements.open(JobFilter(), limit: 1)),
            ("unretried", JobStatements.unretried(JobFilter(), limit: 1)),
            ("unretried of", JobStatements.unretried([key.jobID])), ("all", JobStatements.all([key.jobID])),
            ("lock ended", JobStatements.lockEnded([key.jobID])), ("lock all", JobStatements.lock([key.jobID])),
            ("resume", JobStatements.resume(key.jobID, data: .emptyObject)),
            ("existing", JobStatements.existing([key.jobID], project: nil)),
            ("notes", DependencyStatements.take(limit: 1)), ("dependents", DependencyStatements.expand([key.jobID])),
            ("lock family", DependencyStatements.lock([key.jobID])), ("mark", DependencyStatements.mark([key.jobID])),
            ("resolve", DependencyStatements.resolve([key.jobID])),
            ("suspend", LeaseStatements.suspend([Suspension(key: key, limit: .zero)])),
            ("next due", JobStatements.nextDue), ("clock", DatabaseClockStatements.read),
            ("logs", JobStatements.logs(key.jobID, after: 0, limit: 1)),
            ("claim", LeaseStatements.claim(worker, from: .all(of: ["a"]), limit: 1, starting: false)),
            ("claim and start", LeaseStatements.claim(worker, from: .all(of: ["a"]), limit: 1, starting: true)),
            ("look", LineStatements.look(.all(of: ["a"]))), ("start", LeaseStatements.start([key])),
            ("complete", LeaseStatements.complete([Completion(key: key)])),
            ("fail", LeaseStatements.fail([Failure(key: key, code: "", message: "")], retries)),
            (
                "revoke",
                LeaseStatements.fail([Failure(key: key, code: "", message: "")], retries, keepsLease: true)
            ),
            ("snooze", LeaseStatements.snooze([Snooze(key: key, delay: .zero)])),
            ("release", LeaseStatements.release([Release(key: key)])), ("rescue", LeaseStatements.rescue([worker.id])),
            ("progress", LeaseStatements.progress([Progress(key: key)])),
            ("log", LeaseStatements.log([LogLines(key: key, lines: [""])])),
            ("done before", LeaseStatements.doneBefore([key], .start)), ("held", LeaseStatements.held([key])),
            ("held by", LeaseStatements.heldBy([worker.id])), ("timed out", LeaseStatements.timedOut(limit: 1)),
            ("sweep", LeaseStatements.sweep),
            ("register", WorkerStatements.register(worker, inProcess: true, lease: .seconds(1))),
            ("count ready", WorkerStatements.countReady(WorkerFilter(worker), from: .all(of: ["a"]), limit: 1)),
            ("worker", WorkerStatements.find(worker.id)),
            ("beat", WorkerStatements.heartbeat([worker.id], lease: .seconds(1))),
            ("revoked", WorkerStatements.revokedLeases(worker.id)), ("count", WorkerStatements.leaseCount(worker.id)),
            ("holds", WorkerStatements.holds(worker.id, key, project: nil)),
            ("forget", WorkerStatements.forgetRevoked(worker.id, [key])),
            ("expired", WorkerStatements.expired(limit: 1)),
            (
                "hand back unstarted",
                LeaseStatements.handBackUnstarted(worker.id, except: [key], olderThan: .seconds(1), begunToo: true)
            ),
            ("drain", WorkerStatements.drain(worker.id)),
            ("lock worker", WorkerStatements.lock(worker.id)), ("remove", WorkerStatements.remove([worker.id])),
            ("place", CardPlaceStatements.find([ids.next()])),
            ("insert", IntakeStatements.insert([job], callers: [""], traceparents: [""], keys: [nil])),
            (
                "insert all",
                IntakeStatements.insert(special, callers: ["", ""], traceparents: ["", ""], keys: [storedKey, nil])
            ),
            ("lock holder", UniqueStatements.lockHolder(project: nil, kind: "", key: "")),
            ("lease", UniqueStatements.lease(job.id)),
            ("replace params", UniqueStatements.replaceParams(job.id, by: .emptyObject)),
            ("leave place", UniqueStatements.leavePlace(job.id)),
            ("reschedule", UniqueStatements.reschedule(job.id, at: job.runAt, .queued, isEvent: true)),
            ("forget claims", UniqueStatements.forget(atMost: 1)),
            ("add file", ResultStatements.add(stored, to: job.id)),
            ("find file", ResultStatements.find([1], project: nil)),
            (
                "add schedule",
                ScheduleStatements.insert(draft, id: schedule, project: nil, nextAt: now, by: "", at: now)
            ),
            ("replace schedule", ScheduleStatements.replace(schedule, by: draft, project: nil, nextAt: nil)),
            ("move schedule", ScheduleStatements.move(schedule, to: now)),
            ("park schedule", ScheduleStatements.park(schedule, because: "")),
            ("delete schedule", ScheduleStatements.delete(schedule)),
            ("find schedule", ScheduleStatements.find(schedule, project: nil)),
            ("lock schedule", ScheduleStatements.lock(schedule, project: nil)),
            ("list schedules", ScheduleStatements.list(project: nil, before: nil, limit: 1)),
            ("lock due", ScheduleStatements.lockDue(at: now, only: nil, limit: 1)),
            ("due schedules", ScheduleStatements.due(at: now, limit: 1)),
            ("advance", ScheduleStatements.advance([], at: now)),
            ("note fired", ScheduleStatements.noteFired(schedule, job.id, at: now)),
            ("next schedule", ScheduleStatements.nextDue), ("announce", ScheduleStatements.announce),
            ("lines", OrderStatements.lockLines(of: [job.id])), ("leave line", OrderStatements.leave([job.id])),
            ("release turn", OrderStatements.release([job.id])),
            ("lanes", LaneStatements.queues(for: worker, limit: 1)), ("lock queue", LaneStatements.lock("a")),
            ("claim from lanes", LaneStatements.claim(worker, queue: "a", limit: 1)),
            ("gates", GateStatements.gates(of: job.id)), ("gated", LaneStatements.gatedQueues),
            ("kinds in lanes", LaneStatements.kinds), ("queue version", QueueStatements.version("a")),
            ("put queue", QueueStatements.put("a", QueueLimits(), paused: nil, by: "")),
            ("pause queue", QueueStatements.pause("a", by: "")), ("resume queue", QueueStatements.resume("a")),
            ("count leases", QueueStatements.countLeases("a")),
            ("fill lanes", QueueStatements.fillLanes(of: ["a"], limit: 1)),
            ("list queues", QueueStatements.list(nil, project: nil, countedUpTo: nil, limit: 1)),
            ("list counted queues", QueueStatements.list(nil, project: nil, countedUpTo: .start, limit: 1)),
            ("forget rates", QueueStatements.forgetRates(atMost: 1)), ("announce queue", QueueStatements.announce),
            ("deposit", RetryBudgetStatements.deposit(["a": 1], budget)),
            ("partitions", LogKeeperStatements.outdated(days: 7)),
            ("forget keys", IdempotencyStatements.forget(atMost: 1)),
        ]
    }
}
