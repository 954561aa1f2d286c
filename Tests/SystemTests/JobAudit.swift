import Postgres

/// Watches every change of a job inside the database, whoever makes it, and writes down what must never happen.
enum JobAudit {
    static func install(_ pool: Pool) async throws {
        for statement in statements { _ = try await pool.execute(statement) }
    }

    /// What happened although it must not, by kind of offence.
    static func offences(_ pool: Pool) async throws -> [String] {
        try await pool.query(
            "SELECT offence || ' (' || count(*) || '): ' || min(detail) FROM audit.offences GROUP BY offence ORDER BY 1"
        )
        .map { try $0.decode(0) }
    }

    private static let statements: [SQL] = [
        "CREATE SCHEMA audit", "CREATE TABLE audit.offences (offence text NOT NULL, detail text NOT NULL)",
        """
        CREATE FUNCTION audit.judge() RETURNS trigger LANGUAGE plpgsql AS $$
        DECLARE
            detail text := format('%s: %s seq %s fence %s, then %s seq %s fence %s', new.id,
                old.status, old.seq, old.fence, new.status, new.seq, new.fence);
        BEGIN
            IF new.fence < old.fence THEN
                INSERT INTO audit.offences VALUES ('a fence went back', detail);
            END IF;
            IF old.completed_at IS NOT NULL AND (new.status, new.completed_at) IS DISTINCT FROM (old.status, old.completed_at)
            THEN
                INSERT INTO audit.offences VALUES ('a final status changed', detail);
            END IF;
            IF new.seq - old.seq NOT IN (0, 1) THEN
                INSERT INTO audit.offences VALUES ('a number was left out or used again', detail);
            END IF;
            IF new.status <> old.status AND new.seq = old.seq THEN
                INSERT INTO audit.offences VALUES ('a change of status without a number', detail);
            END IF;
            IF old.status = 'processing' AND new.status <> 'processing' AND new.fence = old.fence THEN
                INSERT INTO audit.offences VALUES ('a lease ended and its fence stayed', detail);
            END IF;
            RETURN NULL;
        END $$
        """,
        "CREATE TRIGGER audit AFTER UPDATE ON jobs.jobs FOR EACH ROW EXECUTE FUNCTION audit.judge()",
        """
        CREATE FUNCTION audit.judge_lease() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF NOT EXISTS (SELECT FROM jobs.jobs WHERE id = new.job_id AND fence = new.fence AND completed_at IS NULL) THEN
                INSERT INTO audit.offences VALUES ('a lease is not its job''s', new.job_id || ' by ' || new.fence);
            END IF;
            RETURN NULL;
        END $$
        """,
        // At the commit: a statement changes the job and inserts the lease in an order of its own.
        """
        CREATE CONSTRAINT TRIGGER audit AFTER INSERT ON jobs.leases DEFERRABLE INITIALLY DEFERRED
        FOR EACH ROW EXECUTE FUNCTION audit.judge_lease()
        """,
    ]
}
