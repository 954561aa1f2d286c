-- Whoever follows the log asks for what came all the time, so the question must cost little.

-- The lowest transaction id that may still write events; all below it have ended. To ask every session what it is at
-- costs more than all the rest, and is not needed while the oldest open transaction, whoever's it is, holds nothing back.
CREATE OR REPLACE FUNCTION shared.settled_horizon() RETURNS xid8
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    -- First the next id, then who is open: one that opens in between has an id that is not lower.
    snapshot pg_snapshot := pg_current_snapshot();
    next_transaction xid8 := pg_snapshot_xmax(snapshot);
    oldest bigint;
BEGIN
    IF pg_snapshot_xmin(snapshot) = next_transaction
        OR pg_snapshot_xmin(snapshot) > (SELECT max(event.transaction_id) FROM shared.events AS event)
    THEN
        RETURN pg_snapshot_xmin(snapshot);
    END IF;
    -- backend_xid has 32 bits; it is widened by its distance to the 64-bit id, which is always below 2^31.
    SELECT min(next_transaction::text::bigint - ((next_transaction::text::bigint - xid::text::bigint) & 4294967295))
    INTO oldest
    FROM (
        SELECT backend_xid AS xid
        FROM pg_stat_get_activity(NULL) AS session
        JOIN pg_database AS database ON database.oid = session.datid AND database.datname = current_database()
        WHERE session.backend_xid IS NOT NULL AND session.pid <> pg_backend_pid()
            AND session.usesysid = (SELECT oid FROM pg_roles WHERE rolname = current_user)
            -- An id at or above the next one is not below any row we return.
            AND ((next_transaction::text::bigint - session.backend_xid::text::bigint) & 4294967295) < 2147483648
    ) AS open_transactions;
    RETURN least(next_transaction, oldest::text::xid8);
END $$;

-- Planned once for a session, by the indexes: planned for every place anew, it spends most of its time on the plan.
ALTER FUNCTION shared.settled_events(xid8, bigint, bigint)
    SET plan_cache_mode TO force_generic_plan
    SET enable_seqscan TO off;
