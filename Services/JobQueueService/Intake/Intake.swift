import Concurrency
import Contracts
import Edge
import HTTPServer
import JSON
import Kernel
import Lifecycle
import Messaging
import Postgres
import Store

/// Stores submissions. Those that arrive together are stored together, and each is answered after the commit.
final class Intake: Service {
    let name = "intake"

    /// A job to be stored.
    struct Item: Sendable {
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

        /// A key of our own, under which nobody asks for an answer.
        init(caller: String, key: String) {
            self.caller = caller
            self.key = key
            requestHash = []
            response = []
        }
    }

    let pool: Pool
    private let places: CardPlaces
    private let kinds: KindRegistry
    private let stored: @Sendable ([Job]) -> Void
    private let ids: IdentifierSource
    private let clock: WallClock
    private let batcher: Batcher<Item, Outcome>

    /// What became of a job in a batch.
    private enum Outcome {
        case stored
        /// The Idempotency-Key was used before.
        case replayed
        /// Another job holds the unique key.
        case conflicting
    }

    /// An intake that tells `stored` of every batch of jobs after its commit. `mayBeLimited` says of which jobs
    /// it must be asked whether their queues have limits; a mistake is mended later.
    init(
        pool: Pool,
        kinds: KindRegistry,
        ids: IdentifierSource = IdentifierSource(),
        clock: WallClock = .system,
        mayBeLimited: @escaping @Sendable (Job) -> Bool = { _ in true },
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
            let outcomes = try Intake.outcomes(
                of: items,
                try await pool.query(Intake.insert(items, limits: items.contains { mayBeLimited($0.job) }))
            )
            stored(zip(items, outcomes).filter { $1 == .stored }.map(\.0.job))
            return outcomes
        }
    }

    /// Stores until `stop` is raised.
    func run(until stop: StopSignal) async throws { try await stop.cancelling { try await self.batcher.run() } }

    /// Stores one job.
    ///
    /// - Returns: the job, or the one that its unique key gave instead; `nil` when the Idempotency-Key was used before.
    /// - Throws: `ServiceError` when the submission is refused.
    func submit(
        _ submission: JobSubmission,
        caller: String,
        trace: String,
        key: IdempotencyKey? = nil
    ) async throws -> SubmittedJob? {
        let job = try await prepare([submission])[0].get()
        // What is answered under an Idempotency-Key must be known when the key is stored, and a unique key may change
        // it: the two together need a transaction of their own.
        if submission.unique == nil || key == nil {
            let item = Item(
                job: job,
                caller: caller,
                traceparent: trace,
                idempotency: key.map { StoredKey($0, response: job.createdAnswer) }
            )
            switch try await batcher.submit(item) {
            case .stored: return .new(job)
            case .replayed: return nil
            case .conflicting: break
            }
        }
        return try await submitTogether([job], caller: caller, trace: trace, key: key) { submitted in
            let submitted = try submitted[0].get()
            return (submitted.status, submitted.answer)
        }?
        .first?
        .get()
    }

    /// Stores many jobs in one transaction of their own: all or none, unless `answer` lets refusals pass.
    ///
    /// - Parameter answer: the answer to the caller, to be kept under `key`; what it throws undoes everything.
    /// - Returns: for each job itself, the one that its unique key gave instead, or its refusal; `nil` when the
    ///   Idempotency-Key was used before.
    func submitTogether(
        _ jobs: [Job],
        caller: String,
        trace: String,
        key: IdempotencyKey? = nil,
        answer: @escaping @Sendable ([Result<SubmittedJob, ServiceError>]) throws -> (Status, [UInt8])
    ) async throws -> [Result<SubmittedJob, ServiceError>]? {
        let submitted: [Result<SubmittedJob, ServiceError>]? = try await Intake.settlingConflicts {
            try await pool.withTransaction { transaction in
                if let key {
                    let claim = IdempotencyStatements.claim(key.caller, key.text, requestHash: key.requestHash)
                    guard try !transaction.query(claim).isEmpty else { return nil }
                }
                let submitted = try Intake.store(jobs, caller: caller, trace: trace, in: transaction)
                let (status, response) = try answer(submitted)
                if let key {
                    try transaction.execute(
                        IdempotencyStatements.answer(key.caller, key.text, status: status.code, response: response)
                    )
                }
                return submitted
            }
        }
        announce(submitted ?? [])
        return submitted
    }

    /// Tries a transaction that stores jobs again when the job that held a unique key went on in between.
    static func settlingConflicts<Value: Sendable>(_ body: () async throws -> Value) async throws -> Value {
        for _ in 0..<20 {
            do { return try await body() } catch is UniqueConflict.Vanished { continue }
        }
        throw ServiceError(
            .serviceUnavailable,
            "the unique key changes hands all the time; try again",
            retryAfter: .seconds(1)
        )
    }

    /// Stores jobs in the caller's transaction; `announce` is to follow its commit.
    ///
    /// - Throws: `UniqueConflict.Vanished` when the transaction is to be tried again.
    static func store(
        _ jobs: [Job],
        caller: String,
        trace: String,
        in transaction: isolated Transaction
    ) throws -> [Result<SubmittedJob, ServiceError>] {
        let items = jobs.map { Item(job: $0, caller: caller, traceparent: trace, idempotency: nil) }
        return try store(items, in: transaction).compactMap { $0 }
    }

    /// The same for jobs that may have keys; `nil` where the key was used before.
    static func store(
        _ items: [Item],
        in transaction: isolated Transaction
    ) throws -> [Result<SubmittedJob, ServiceError>?] {
        guard !items.isEmpty else { return [] }
        let outcomes = try outcomes(of: items, try transaction.query(insert(items)))
        return try zip(items, outcomes)
            .map { item, outcome in
                switch outcome {
                case .stored: .success(.new(item.job))
                case .replayed: nil
                case .conflicting: try UniqueConflict(item.job).resolve(in: transaction)
                }
            }
    }

    /// Tells who waits for new jobs.
    func announce(_ submitted: [Result<SubmittedJob, ServiceError>]) {
        let jobs = submitted.compactMap { result in if case .success(let job) = result { job } else { nil } }
        stored(jobs.filter(\.isNew).map(\.job))
    }

    /// Checks submissions against their kinds and cards, and gives each its id, or its refusal.
    func prepare(_ submissions: [JobSubmission]) async throws -> [Result<Job, ServiceError>] {
        let places = try await places.find(Set(submissions.compactMap(\.cardID)))
        return prepare(submissions, at: places, after: try await parents(of: submissions))
    }

    /// The same inside a transaction, for submissions that depend on no other jobs.
    func prepare(
        _ submissions: [JobSubmission],
        in transaction: isolated Transaction
    ) throws -> [Result<Job, ServiceError>] {
        prepare(
            submissions,
            at: try CardPlaces.find(Set(submissions.compactMap(\.cardID)), in: transaction),
            after: []
        )
    }

    private func prepare(
        _ submissions: [JobSubmission],
        at places: [CardID: CardPlace],
        after parents: Set<JobID>
    ) -> [Result<Job, ServiceError>] {
        let now = clock.now()
        return submissions.map { submission in
            let issues =
                submission.issues + kinds.issues(in: submission)
                + submission.dependsOn.enumerated().filter { !parents.contains($0.element) }
                .map { JSONIssue(pointer: "/depends_on/\($0.offset)", message: "there is no such job") }
            guard issues.isEmpty else {
                return .failure(
                    .invalid(issues.map { JSONIssue(pointer: submission.pointer + $0.pointer, message: $0.message) })
                )
            }
            let place = submission.cardID.flatMap { places[$0] }
            if submission.cardID != nil {
                guard let place, submission.projectID == nil || submission.projectID == place.projectID else {
                    return .failure(.notFound("CARD"))
                }
            }
            var submission = submission
            submission.dependency = submission.dependency ?? kinds.kinds[submission.kind]?.dependency
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

    private static func insert(_ items: [Item], limits: Bool = true) -> SQL {
        IntakeStatements.insert(
            items.map(\.job),
            callers: items.map(\.caller),
            traceparents: items.map(\.traceparent),
            keys: items.map(\.idempotency),
            limits: limits
        )
    }

    /// The outcome of each item, from the rows of the insertion.
    private static func outcomes(of items: [Item], _ rows: Rows) throws -> [Outcome] {
        var stored: [JobID: Bool] = [:]
        for row in rows { stored[try row.decode(0)] = try row.decode(1, as: Bool.self) }
        return items.map { stored[$0.job.id].map { $0 ? .stored : .conflicting } ?? .replayed }
    }
}
