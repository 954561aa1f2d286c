import Concurrency
import Contracts
import JSON
import Kernel
import Postgres
import Telemetry
import Testing

@testable import JobQueueService
@testable import TransitionModel

/// The real service, driven by the model's actions, and its tables, read as the model's state.
///
/// Its duties are called by hand, and time is a number in a row: what is to be due is made due just before.
struct ModelledService: Sendable {
    private let fixture: JobQueueFixture
    private let setup: QueueModel.Setup
    private let rescuer: Rescuer
    private let scheduler: Scheduler
    private let resolver: DependencyResolver
    /// A walk's own kinds keep it apart from what earlier walks have left.
    private let walk = IdentifierSource().uuid().description
    private var jobs: [JobID?]
    private var kinds: [String]
    private var sessions: [WorkerID]

    init(_ fixture: JobQueueFixture, _ setup: QueueModel.Setup) {
        self.fixture = fixture
        self.setup = setup
        jobs = Array(repeating: nil, count: setup.jobs)
        kinds = (0..<setup.jobs).map { [walk] in "\(walk)-\($0)" }
        let ids = IdentifierSource()
        sessions = (0..<setup.workers).map { _ in ids.next() }
        rescuer = Rescuer(
            pool: fixture.pool,
            bell: fixture.queue.bell,
            retries: RetryPolicy(
                backoff: Backoff(from: .seconds(60), cap: .seconds(60)),
                budget: RetryBudget(ratio: 0.2, perSecond: 10)
            ),
            logger: .silent,
            changed: {}
        )
        scheduler = Scheduler(
            pool: fixture.pool,
            bell: fixture.queue.bell,
            logger: .silent,
            changed: {},
            wakeup: .init()
        )
        resolver = DependencyResolver(
            pool: fixture.pool,
            bell: fixture.queue.bell,
            logger: .silent,
            changed: {},
            wakeup: .init()
        )
    }

    /// The service did not do what it must.
    struct Refused: Error { let reason: String }

    /// Does what the action says; returns what the worker was answered if one asked.
    mutating func perform(_ action: ModelAction) async throws -> VerbOutcome? {
        let pool = fixture.pool
        switch action {
        case .submit(let job, let status): jobs[job] = try await submit(job, status)
        case .retry(let job, let new):
            let answer = try await fixture.send("POST", "/api/jobs/\(try id(job))/retry")
            try #require(answer.status == 201)
            jobs[new] = try #require(answer.json["job_id"]?.string.flatMap { JobID($0) })
            kinds[new] = kinds[job]
        case .open(let worker):
            sessions[worker] = IdentifierSource().next()
            _ = try await pool.execute(
                WorkerStatements.register(session(worker, kinds: []), inProcess: false, lease: .seconds(3600))
            )
        // The session's end is a matter of time, which comes when it is found.
        case .silence: break
        case .close(let worker): try await Rescuer.close([sessions[worker]], in: pool)
        case .verb(_, let key, let verb, let retryable): return try await say(verb, key, retryable)
        case .resume(let job):
            try #require(try await fixture.send("POST", "/api/jobs/\(try id(job))/resume", "{}").status == 200)
        case .forget(let job):
            _ = try await pool.execute(
                """
                UPDATE jobs.leases AS lease SET revoked_at = '-infinity' FROM jobs.jobs AS job
                WHERE job.id = \(try id(job)) AND lease.job_id = job.id AND lease.fence <> job.fence
                """
            )
            _ = try await pool.execute(LeaseStatements.sweep)
        case .claim(let worker, let job):
            let session = session(worker, kinds: [kinds[job]])
            let leases = try await fixture.queue.dispatcher.acquire(session, limit: 1, wait: .zero)
            guard leases.count == 1 else { throw Refused(reason: "a job is in line, and \(leases.count) were leased") }
        case .rescue(let worker):
            _ = try await pool.execute(
                "UPDATE jobs.workers SET expires_at = now() - interval '1 second' WHERE id = \(sessions[worker])"
            )
            try #require(try await rescuer.rescueLost())
        case .endTimedOut(let key):
            _ = try await pool.execute(
                "UPDATE jobs.leases SET times_out_at = now() - interval '1 second' WHERE job_id = \(try id(key.job)) AND fence = \(key.fence)"
            )
            _ = try await rescuer.endTimedOut()
        case .promote(let job):
            _ = try await pool.execute(
                "UPDATE jobs.scheduled SET run_at = now() + CASE WHEN job_id = \(try id(job)) THEN interval '-1 s' ELSE interval '1 h' END"
            )
            _ = try await scheduler.promote()
        case .end(let job, .cancelled):
            try #require(try await fixture.send("POST", "/api/jobs/\(try id(job))/cancel").status == 200)
        case .end(let job, _):
            _ = try await pool.execute(
                "INSERT INTO jobs.deadlines (job_id, deadline_at) VALUES (\(try id(job)), now() - interval '1 s')"
            )
            _ = try await scheduler.expire()
        // The service takes all notes there are.
        case .expand, .resolve: while try await resolver.resolve() {}
        case .look, .act, .abort: Issue.record("not a whole action: \(action)")
        }
        return nil
    }

    private func submit(_ job: Int, _ status: JobStatus) async throws -> JobID {
        let parents = status == .blocked ? #","depends_on":["\#(try id(0))"]"# : ""
        let delay = status == .scheduled ? #","delay_ms":3600000"# : ""
        let attempts = #","max_attempts":\#(setup.maxAttempts)"#
        return try await fixture.submit(#"{"kind":"\#(kinds[job])","params":{}\#(attempts)\#(parents)\#(delay)}"#)
    }

    private func say(_ verb: ModelVerb, _ modelKey: QueueModel.Key, _ retryable: Bool) async throws -> VerbOutcome {
        let key = LeaseKey(jobID: try id(modelKey.job), fence: Int64(modelKey.fence))
        let dispatcher = fixture.queue.dispatcher
        switch verb {
        case .start: return try await dispatcher.start(key)
        case .complete: return try await dispatcher.complete(Completion(key: key))
        case .fail:
            return try await dispatcher.fail(Failure(key: key, code: "X", message: "", isRetryable: retryable))
        case .snooze: return try await dispatcher.snooze(Snooze(key: key, delay: .seconds(3600)))
        case .suspend: return try await dispatcher.suspend(Suspension(key: key, limit: .seconds(3600)))
        case .release: return try await dispatcher.release(Release(key: key))
        }
    }

    private func id(_ job: Int) throws -> JobID { try #require(jobs[job]) }

    private func session(_ worker: Int, kinds: [String]) -> Worker {
        Worker(id: sessions[worker], name: "walk", kinds: kinds, queues: nil, capacity: 10, project: nil)
    }

    // MARK: Reading

    /// A job's tables as the model has them.
    func job(_ index: Int) async throws -> QueueModel.Job? {
        guard let id = jobs[index] else { return nil }
        let row = try #require(try await fixture.pool.query(ModelledService.read(id)).first)
        var reader = row.reader
        let status: JobStatus = try reader.next()
        var job = QueueModel.Job(status)
        job.phase = try #require(JobPhase(rawValue: try reader.next()))
        job.seq = try reader.next()
        job.fence = try reader.next()
        job.endedFence = try reader.next()
        job.endedVerb = try reader.next(String?.self).flatMap(ModelVerb.init)
        job.attempt = try reader.next()
        job.deaths = try reader.next()
        job.resumeFence = try reader.next()
        job.hasDependents = try reader.next()
        job.isReady = try reader.next()
        job.isScheduled = try reader.next()
        job.events = try reader.next()
        job.told = try #require(JobStatus(rawValue: try reader.next()))
        for lease in try await fixture.pool.query(ModelledService.leases(id)) {
            let worker: WorkerID = try lease.decode(1)
            job.leases.append(
                QueueModel.Lease(
                    fence: try lease.decode(0),
                    worker: try #require(sessions.firstIndex(of: worker)),
                    isStarted: try lease.decode(2),
                    isRevoked: try lease.decode(3)
                )
            )
        }
        return job
    }

    private static func read(_ id: JobID) -> SQL {
        """
        SELECT job.status, job.phase, job.seq, job.fence, job.ended_fence, job.ended_verb, job.attempt,
            job.lease_deaths, job.resume_fence, job.has_dependents,
            EXISTS (SELECT FROM jobs.ready WHERE job_id = job.id),
            EXISTS (SELECT FROM jobs.scheduled WHERE job_id = job.id),
            (SELECT count(DISTINCT seq) FROM shared.events WHERE subject = job.id),
            (SELECT body ->> 'status' FROM shared.events WHERE subject = job.id ORDER BY seq DESC LIMIT 1)
        FROM jobs.jobs AS job
        WHERE job.id = \(id)
        """
    }

    private static func leases(_ id: JobID) -> SQL {
        """
        SELECT fence, worker_id, started_at IS NOT NULL, revoked_at IS NOT NULL
        FROM jobs.leases WHERE job_id = \(id) ORDER BY fence
        """
    }
}
