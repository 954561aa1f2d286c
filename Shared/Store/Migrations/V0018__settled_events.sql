-- Whoever follows the log asks for what came all the time, so the question must cost little.

-- To ask every session what it is at costs more than all the rest. It is not needed while no transaction is open, and not
-- while the oldest one, whoever's it is, holds no event back.
ALTER FUNCTION shared.settled_horizon() RENAME TO horizon_of_sessions;

-- The lowest transaction id that may still write events; all below it have ended.
CREATE FUNCTION shared.settled_horizon() RETURNS xid8
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    snapshot pg_snapshot := pg_current_snapshot();
BEGIN
    IF pg_snapshot_xmin(snapshot) = pg_snapshot_xmax(snapshot)
        OR pg_snapshot_xmin(snapshot) > (SELECT max(event.transaction_id) FROM shared.events AS event)
    THEN
        RETURN pg_snapshot_xmin(snapshot);
    END IF;
    RETURN shared.horizon_of_sessions();
END $$;

-- Planned once for a session, by the indexes: planned for every place anew, it spends most of its time on the plan.
ALTER FUNCTION shared.settled_events(xid8, bigint, bigint)
    SET plan_cache_mode TO force_generic_plan
    SET enable_seqscan TO off;
