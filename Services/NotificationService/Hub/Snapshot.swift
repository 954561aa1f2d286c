import Concurrency
import Contracts
import JSON
import Kernel
import Messaging
import Postgres

/// The jobs of a context as they are at a place in the log or a little later.
struct Snapshot: Sendable {
    /// Why a watcher gets it.
    enum Reason: String, Sendable {
        /// It came without a cursor.
        case new
        /// Its cursor is of another history, of the future, or too old.
        case expired
    }

    static let pageSize = 50
    static let maximumJobs = 10_000

    let position: Position
    /// Newest first.
    let jobs: [RawJSON]

    /// The messages that carry it. Only the last has the cursor: who loses the connection before it has not got all.
    func messages(for context: ContextID, _ reason: Reason) -> [[UInt8]] {
        let pages = max(1, (jobs.count + Snapshot.pageSize - 1) / Snapshot.pageSize)
        return (0..<pages)
            .map { page in
                let isLast = page == pages - 1
                return JSONWriter.bytes { json in
                    json.object {
                        $0.member("type", "snapshot")
                        $0.member("context_id", context.description)
                        $0.member("cursor", isLast ? position.description : nil)
                        $0.member("reason", reason.rawValue)
                        $0.member("jobs", Array(jobs.dropFirst(page * Snapshot.pageSize).prefix(Snapshot.pageSize)))
                        $0.member("last", isLast)
                        if isLast { $0.member("truncated", jobs.count >= Snapshot.maximumJobs) }
                    }
                }
            }
    }
}

/// Takes snapshots; who asks for the same context while one is taken gets that one.
actor Snapshots {
    private let pool: Pool
    private let reader: EventLogReader
    private let places: AsyncSemaphore
    private var running: [ContextID: Task<Snapshot, any Error>] = [:]

    /// Snapshots that take at most so many connections of the pool.
    init(_ pool: Pool, atOnce: Int = 4) {
        self.pool = pool
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
            var jobs: [RawJSON] = []
            var last: JobID?
            while jobs.count < Snapshot.maximumJobs {
                let rows = try await pool.query(SnapshotStatements.page(of: context, before: last, limit: 1000))
                for row in rows {
                    last = try row.decode(0)
                    jobs.append(try row.decode(1))
                }
                if rows.count < 1000 { break }
            }
            return Snapshot(position: position, jobs: jobs)
        }
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
