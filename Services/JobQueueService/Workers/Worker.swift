import Contracts
import JSON
import Kernel
import Postgres

/// A worker session: who may lease jobs, of which kinds, and how many at once.
struct Worker: Sendable {
    let id: WorkerID
    let name: String
    let kinds: [String]
    let queues: [String]?
    let capacity: Int
    /// The only project whose jobs it may have.
    let project: ProjectID?
    /// Whether it is to take no more jobs.
    var isDraining = false

    /// The body of `POST /api/workers`.
    static let schema = JSONSchema.object([
        .required("name", .string(1...200)),
        .required("kinds", .array(of: .name, 1...100)),
        .optional("queues", .array(of: .name, 1...100).described("all queues when left out")),
        .optional("capacity", .integer(1...10_000).defaulting(to: 1).described("leases held at once")),
    ])

    init(_ row: Row) throws {
        var reader = row.reader
        id = try reader.next()
        name = try reader.next()
        kinds = try reader.next()
        queues = try reader.next()
        capacity = try reader.next()
        project = try reader.next()
        isDraining = try reader.next()
    }

    init(id: WorkerID, name: String, kinds: [String], queues: [String]?, capacity: Int, project: ProjectID?) {
        self.id = id
        self.name = name
        self.kinds = kinds
        self.queues = queues
        self.capacity = capacity
        self.project = project
    }
}

/// Statements over `jobs.workers`.
enum WorkerStatements {
    /// How many jobs in line fit a filter, at most `limit`. Of lanes only a few count: what the limits of their keys
    /// allow is not known before a claim, and who finds a job there wakes the next one.
    static func countReady(_ filter: WorkerFilter, from lines: OpenLines, limit: Int) -> SQL {
        """
        WITH RECURSIVE \(LaneStatements.fronts(kinds: filter.kinds.sorted(), queues: filter.queues?.sorted())),
        \(LineStatements.places(lines, for: filter, limit: limit))
        SELECT least(\(limit), (SELECT count(*) FROM (TABLE known UNION ALL TABLE rest) AS fitting) + (
            SELECT least(4, coalesce(sum(room.slots), 0))::bigint
            FROM front
            LEFT JOIN jobs.queues AS queue ON queue.name = front.queue
            CROSS JOIN LATERAL jobs.queue_room(front.queue, clock_timestamp()) AS room
            WHERE queue.paused_at IS NULL
        ))
        """
    }

    static func register(_ worker: Worker, inProcess: Bool, lease: Duration) -> SQL {
        """
        INSERT INTO jobs.workers (id, name, kinds, queues, capacity, project_id, in_process, expires_at)
        VALUES (\(worker.id), \(worker.name), \(worker.kinds), \(worker.queues), \(worker.capacity), \(worker.project),
            \(inProcess), now() + \(lease))
        """
    }

    /// The session, if it lives.
    static func find(_ id: WorkerID) -> SQL {
        """
        SELECT id, name, kinds, queues, capacity, project_id, draining
        FROM jobs.workers
        WHERE id = \(id) AND expires_at > now()
        """
    }

    /// Lengthens the lives of sessions; returns those that still lived.
    static func heartbeat(_ ids: [WorkerID], lease: Duration) -> SQL {
        """
        WITH wanted AS (
            SELECT id FROM jobs.workers WHERE id = ANY(\(ids)) AND expires_at > now() ORDER BY id FOR UPDATE
        )
        UPDATE jobs.workers AS worker
        SET expires_at = now() + \(lease)
        FROM wanted
        WHERE worker.id = wanted.id
        RETURNING worker.id, worker.draining
        """
    }

    /// Leases of a session whose jobs went on without it.
    static func revokedLeases(_ id: WorkerID) -> SQL {
        """
        SELECT lease.job_id, lease.fence
        FROM jobs.leases AS lease
        JOIN jobs.jobs AS job ON job.id = lease.job_id
        WHERE lease.worker_id = \(id) AND job.fence <> lease.fence
        """
    }

    /// How many leases a session holds.
    static func leaseCount(_ id: WorkerID) -> SQL {
        "SELECT count(*) FROM jobs.leases WHERE worker_id = \(id)"
    }

    /// One row when the session holds the live lease of a job.
    static func holds(_ id: WorkerID, _ key: LeaseKey, project: ProjectID?) -> SQL {
        """
        SELECT job.id
        FROM jobs.leases AS lease
        JOIN jobs.jobs AS job ON job.id = lease.job_id AND job.fence = lease.fence
        WHERE lease.worker_id = \(id) AND lease.job_id = \(key.jobID) AND lease.fence = \(key.fence)
            AND (\(project)::uuid IS NULL OR job.project_id = \(project))
        """
    }

    /// Forgets leases of which the worker says that it has heard.
    static func forgetRevoked(_ id: WorkerID, _ keys: [LeaseKey]) -> SQL {
        """
        DELETE FROM jobs.leases AS lease
        USING unnest(\(keys.map(\.jobID)), \(keys.map(\.fence))) AS item (job_id, fence), jobs.jobs AS job
        WHERE lease.worker_id = \(id) AND lease.job_id = item.job_id AND lease.fence = item.fence
            AND job.id = lease.job_id AND job.fence <> lease.fence
        """
    }

    /// Sessions whose heartbeats stopped; locked, so that one rescuer has them.
    static func expired(limit: Int) -> SQL {
        """
        SELECT id FROM jobs.workers
        WHERE expires_at < now()
        ORDER BY id
        LIMIT \(limit)
        FOR UPDATE SKIP LOCKED
        """
    }

    static func lock(_ id: WorkerID) -> SQL { "SELECT id FROM jobs.workers WHERE id = \(id) FOR UPDATE" }

    static func drain(_ id: WorkerID) -> SQL { "UPDATE jobs.workers SET draining = true WHERE id = \(id)" }

    static func remove(_ ids: [WorkerID]) -> SQL { "DELETE FROM jobs.workers WHERE id = ANY(\(ids))" }
}
