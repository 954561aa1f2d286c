import Contracts
public import Postgres

/// Writes down every change of a job inside the database, whoever makes it, and reads a run's history back.
public enum JobRecorder {
    /// Begins to record; from now on each update costs one more row.
    public static func install(_ pool: Pool) async throws {
        for statement in statements { _ = try await pool.execute(statement) }
    }

    /// What there is at one moment; what was recorded is part of it where `install` was called.
    public static func history(_ pool: Pool) async throws -> JobHistory {
        try await pool.withTransaction(.repeatableRead, readOnly: true) { transaction in
            var history = JobHistory()
            history.jobs = try transaction.query(jobs, timeout: .seconds(120))
                .map { row in
                    JobHistory.Job(
                        try row.decode(0),
                        try status(row, 1),
                        seq: try row.decode(2),
                        fence: try row.decode(3),
                        ready: try row.decode(4),
                        scheduled: try row.decode(5)
                    )
                }
            history.events = try transaction.query(events, timeout: .seconds(120))
                .map { JobHistory.Event(try $0.decode(0), try $0.decode(1), try status($0, 2)) }
            history.leases = try transaction.query("SELECT job_id::text, fence, worker_id::text FROM jobs.leases")
                .map { JobHistory.Lease(try $0.decode(0), fence: try $0.decode(1), worker: try $0.decode(2)) }
            for row in try transaction.query("SELECT id::text, capacity FROM jobs.workers") {
                history.capacities[try row.decode(0)] = try row.decode(1)
            }
            let isRecorded: Bool =
                try transaction.query("SELECT to_regclass('audit.changes') IS NOT NULL").first?
                .decode(0) ?? false
            guard isRecorded else { return history }
            history.changes = try transaction.query(changes, timeout: .seconds(120))
                .map { row in
                    JobHistory.Change(
                        try row.decode(0),
                        from: .init(try status(row, 1), seq: try row.decode(2), fence: try row.decode(3)),
                        to: .init(try status(row, 4), seq: try row.decode(5), fence: try row.decode(6))
                    )
                }
            history.grants = try transaction.query(grants, timeout: .seconds(120))
                .map { row in
                    JobHistory.Grant(
                        try row.decode(0),
                        fence: try row.decode(1),
                        jobFence: try row.decode(2),
                        try status(row, 3)
                    )
                }
            return history
        }
    }

    /// A status that nobody knows.
    struct Unknown: Error { let status: String }

    private static func status(_ row: Row, _ column: Int) throws -> JobStatus {
        let text: String = try row.decode(column)
        guard let status = JobStatus(rawValue: text) else { throw Unknown(status: text) }
        return status
    }

    private static let jobs: SQL = """
        SELECT job.id::text, job.status, job.seq, job.fence, ready.job_id IS NOT NULL, scheduled.job_id IS NOT NULL
        FROM jobs.jobs AS job
        LEFT JOIN jobs.ready ON ready.job_id = job.id
        LEFT JOIN jobs.scheduled ON scheduled.job_id = job.id
        """

    private static let events: SQL = """
        SELECT subject::text, seq, body ->> 'status'
        FROM shared.events
        WHERE type = 'job.status.updated'
        ORDER BY subject, seq
        """

    private static let changes: SQL = """
        SELECT job_id::text, old_status, old_seq, old_fence, new_status, new_seq, new_fence
        FROM audit.changes ORDER BY id
        """

    private static let grants: SQL = "SELECT job_id::text, fence, job_fence, status FROM audit.grants ORDER BY id"

    private static let statements: [SQL] = [
        "CREATE SCHEMA audit",
        """
        CREATE TABLE audit.changes (
            id bigint GENERATED ALWAYS AS IDENTITY, job_id uuid NOT NULL,
            old_status text NOT NULL, old_seq integer NOT NULL, old_fence bigint NOT NULL,
            new_status text NOT NULL, new_seq integer NOT NULL, new_fence bigint NOT NULL
        )
        """,
        """
        CREATE TABLE audit.grants (
            id bigint GENERATED ALWAYS AS IDENTITY, job_id uuid NOT NULL, fence bigint NOT NULL,
            job_fence bigint NOT NULL, status text NOT NULL
        )
        """,
        // The row's lock is held: numbers of one job grow in the order of its changes.
        """
        CREATE FUNCTION audit.record_change() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            INSERT INTO audit.changes (job_id, old_status, old_seq, old_fence, new_status, new_seq, new_fence)
            VALUES (new.id, old.status, old.seq, old.fence, new.status, new.seq, new.fence);
            RETURN NULL;
        END $$
        """,
        "CREATE TRIGGER audit AFTER UPDATE ON jobs.jobs FOR EACH ROW EXECUTE FUNCTION audit.record_change()",
        """
        CREATE FUNCTION audit.record_grant() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            INSERT INTO audit.grants (job_id, fence, job_fence, status)
            SELECT new.job_id, new.fence, job.fence, job.status FROM jobs.jobs AS job WHERE job.id = new.job_id;
            RETURN NULL;
        END $$
        """,
        // At the commit: a statement changes the job and inserts the lease in an order of its own.
        """
        CREATE CONSTRAINT TRIGGER audit AFTER INSERT ON jobs.leases DEFERRABLE INITIALLY DEFERRED
        FOR EACH ROW EXECUTE FUNCTION audit.record_grant()
        """,
    ]
}
