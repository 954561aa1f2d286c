import Concurrency
import Contracts
import Edge
import JSON
import Kernel
import Lifecycle
import Messaging
import Postgres

/// Stores submissions. Those that arrive together are stored together, and each is answered after the commit.
final class Intake: Service {
    let name = "intake"

    private struct Item: Sendable {
        let job: Job
        let caller: String
        let traceparent: String
        let idempotency: StoredKey?
    }

    /// What is stored with a job under an Idempotency-Key.
    struct StoredKey: Sendable {
        let caller: String
        let key: String
        let requestHash: [UInt8]
        let response: [UInt8]

        init(_ key: IdempotencyKey, response: [UInt8]) {
            caller = key.caller
            self.key = key.text
            requestHash = key.requestHash
            self.response = response
        }
    }

    private let pool: Pool
    private let places: CardPlaces
    private let kinds: KindRegistry
    private let stored: @Sendable ([Job]) -> Void
    private let ids: IdentifierSource
    private let clock: WallClock
    private let batcher: Batcher<Item, Bool>

    /// An intake that tells `stored` of every batch of jobs after its commit.
    init(
        pool: Pool,
        kinds: KindRegistry,
        ids: IdentifierSource = IdentifierSource(),
        clock: WallClock = .system,
        stored: @escaping @Sendable ([Job]) -> Void
    ) {
        self.pool = pool
        self.kinds = kinds
        self.ids = ids
        self.clock = clock
        self.stored = stored
        places = CardPlaces(pool: pool)
        batcher = Batcher(
            maximumBatch: 1000,
            maximumWaiting: 20_000,
            parallel: 2,
            // A refusal by the server has rolled the whole statement back.
            mayRetryAlone: { ($0 as? PostgresError)?.kind == .server }
        ) { items in
            let jobs = try await Intake.insert(items, into: pool)
            stored(items.map(\.job).filter { jobs.contains($0.id) })
            return items.map { jobs.contains($0.job.id) }
        }
    }

    /// Stores until `stop` is raised.
    func run(until stop: StopSignal) async throws { try await stop.cancelling { try await self.batcher.run() } }

    /// Stores one job.
    ///
    /// - Returns: the job, or `nil` when the Idempotency-Key of `key` was used before.
    func submit(
        _ submission: JobSubmission,
        caller: String,
        trace: String,
        key: IdempotencyKey? = nil
    ) async throws -> Job? {
        let prepared = try await prepare([submission])
        let job: Job
        switch prepared[0] {
        case .success(let ready): job = ready
        case .failure(let refusal): throw refusal
        }
        let item = Item(
            job: job,
            caller: caller,
            traceparent: trace,
            idempotency: key.map { StoredKey($0, response: job.createdAnswer) }
        )
        return try await batcher.submit(item) ? job : nil
    }

    /// Stores many jobs in one transaction of their own: all or none.
    ///
    /// - Returns: the jobs, or `nil` when the Idempotency-Key was used before.
    func submitTogether(
        _ jobs: [Job],
        caller: String,
        trace: String,
        key: StoredKey? = nil
    ) async throws -> [Job]? {
        guard let first = jobs.first else { return [] }
        var items = jobs.map { Item(job: $0, caller: caller, traceparent: trace, idempotency: nil) }
        items[0] = Item(job: first, caller: caller, traceparent: trace, idempotency: key)
        let inserted = try await Intake.insert(items, into: pool, together: true)
        guard inserted.count == jobs.count else { return nil }
        stored(jobs)
        return jobs
    }

    /// Checks submissions against their kinds and cards, and gives each its id, or its refusal.
    func prepare(_ submissions: [JobSubmission]) async throws -> [Result<Job, ServiceError>] {
        let places = try await places.find(Set(submissions.compactMap(\.cardID)))
        let parents = try await parents(of: submissions)
        let now = clock.now()
        return submissions.map { submission in
            let issues =
                kinds.issues(in: submission)
                + submission.dependsOn.enumerated().filter { !parents.contains($0.element) }
                .map { JSONIssue(pointer: "/depends_on/\($0.offset)", message: "there is no such job") }
            guard issues.isEmpty else { return .failure(.invalid(issues)) }
            let place = submission.cardID.flatMap { places[$0] }
            if submission.cardID != nil {
                guard let place, submission.projectID == nil || submission.projectID == place.projectID else {
                    return .failure(.notFound("CARD"))
                }
            }
            return .success(Job(submission, id: ids.next(), place: place, at: now))
        }
    }

    /// Those jobs that submissions depend on and that there are. All submissions of a call are one caller's.
    private func parents(of submissions: [JobSubmission]) async throws -> Set<JobID> {
        let wanted = Set(submissions.flatMap(\.dependsOn))
        guard !wanted.isEmpty else { return [] }
        let rows = try await pool.query(JobStatements.existing(Array(wanted), project: submissions[0].projectID))
        return Set(try rows.map { try $0.decode(0) })
    }

    private static func insert(_ items: [Item], into pool: Pool, together: Bool = false) async throws -> Set<JobID> {
        let rows = try await pool.query(
            IntakeStatements.insert(
                items.map(\.job),
                callers: items.map(\.caller),
                traceparents: items.map(\.traceparent),
                keys: items.map(\.idempotency),
                together: together
            )
        )
        return Set(try rows.map { try $0.decode(0) })
    }
}
