import Concurrency
import Contracts
import JSON
import Kernel
import Messaging
import Postgres
import Telemetry

/// The jobs of a context as they are at a place in the log or a little later.
struct Snapshot: Sendable {
    /// Why a watcher gets it.
    enum Reason: String, Sendable, CaseIterable {
        /// It came without a cursor.
        case new
        /// Its cursor is of another history, of the future, or too old.
        case expired
        /// It was too slow.
        case slow
    }

    static let maximumJobs = 10_000
    /// What is read at once; the rest is read when a watcher has taken these.
    static let readSize = 500

    let position: Position
    /// The newest, newest first.
    let jobs: [RawJSON]
    /// The job after which more are to be read; `nil` when these are all.
    let last: JobID?
}

/// Takes snapshots; who asks for the same context while one is taken gets that one.
actor Snapshots {
    private let pool: Pool
    private let reader: EventLogReader
    private let places: AsyncSemaphore
    private let metrics: NotificationMetrics
    private var running: [ContextID: Task<Snapshot, any Error>] = [:]
    private var pages: [Page: Task<(jobs: [RawJSON], last: JobID?), any Error>] = [:]

    /// What follows a job in the snapshot of a context.
    private struct Page: Hashable {
        let context: ContextID
        let last: JobID
    }

    /// Snapshots that take at most so many connections of the pool.
    init(_ pool: Pool, atOnce: Int = 4, metrics: NotificationMetrics) {
        self.pool = pool
        self.metrics = metrics
        reader = EventLogReader(pool)
        places = AsyncSemaphore(places: atOnce, maximumWaiters: 10_000)
    }

    func snapshot(of context: ContextID) async throws -> Snapshot {
        if let running = running[context] { return try await running.value }
        let task = Task { try await take(context) }
        running[context] = task
        defer { running[context] = nil }
        return try await task.value
    }

    private func take(_ context: ContextID) async throws -> Snapshot {
        try await places.withPlace {
            let epoch = try await reader.epoch()
            // The place first: what the jobs show beyond it comes again as updates, and nothing is missing.
            let position = try await reader.settledEnd().position(in: epoch)
            let jobs = try await read(context, before: nil)
            return Snapshot(position: position, jobs: jobs.jobs, last: jobs.last)
        }
    }

    /// The jobs of a context that come after one in a snapshot.
    func jobs(of context: ContextID, before last: JobID) async throws -> (jobs: [RawJSON], last: JobID?) {
        let page = Page(context: context, last: last)
        if let running = pages[page] { return try await running.value }
        let task = Task { try await places.withPlace { try await read(context, before: last) } }
        pages[page] = task
        defer { pages[page] = nil }
        return try await task.value
    }

    private func read(_ context: ContextID, before last: JobID?) async throws -> (jobs: [RawJSON], last: JobID?) {
        metrics.snapshotReads.add()
        let limit = Snapshot.readSize
        let rows = try await pool.query(SnapshotStatements.page(of: context, before: last, limit: limit))
        let end: JobID? = rows.count < limit ? nil : try rows[limit - 1].decode(0)
        return (try rows.map { try $0.decode(1) }, end)
    }
}

/// Statements over the view `jobs.job_views`.
enum SnapshotStatements {
    /// Jobs of a context, newest first, each with its wire form.
    static func page(of context: ContextID, before last: JobID?, limit: Int) -> SQL {
        let condition: SQL =
            switch context {
            case .card(let id): "job.card_id = \(id)"
            case .project(let id): "job.project_id = \(id)"
            case .job(let id): "job.id = \(id)"
            case .queue(let name): "job.queue = \(name)"
            // What threads and runs are is the agent service's to tell.
            case .thread, .run: "false"
            case .all: "true"
            }
        return """
            SELECT job.id, json_build_object(
                'job_id', job.id, 'seq', job.seq, 'status', job.status, 'phase', job.phase, 'card_id', job.card_id,
                'activity_id', job.activity_id, 'project_id', job.project_id, 'queue', job.queue, 'kind', job.kind,
                'attempt', job.attempt, 'max_attempts', job.max_attempts,
                'progress', CASE WHEN coalesce(job.progress_fraction::text, job.progress_message) IS NULL THEN NULL
                    ELSE json_build_object('fraction', job.progress_fraction, 'message', job.progress_message) END,
                'result_url', job.result_url, 'error_code', job.error_code, 'error_message', job.error_message,
                'created_at', shared.rfc3339(job.created_at), 'started_at', shared.rfc3339(job.started_at),
                'completed_at', shared.rfc3339(job.completed_at)
            )
            FROM jobs.job_views AS job
            WHERE \(condition) AND (\(last)::uuid IS NULL OR job.id < \(last))
            ORDER BY job.id DESC
            LIMIT \(limit)
            """
    }
}
