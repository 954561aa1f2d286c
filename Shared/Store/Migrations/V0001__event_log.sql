-- The schema that Messaging and Store own: the event log, its readers' places, leases, keys and idempotency.

CREATE SCHEMA IF NOT EXISTS shared;

-- History, outbox and replay source at once. Rows are appended inside the transaction whose change they report,
-- never updated, and dropped by the day. (transaction_id, id) is the one order everybody reads in.
CREATE TABLE shared.events (
    transaction_id xid8 NOT NULL DEFAULT pg_current_xact_id(),
    id bigint GENERATED ALWAYS AS IDENTITY,
    at timestamptz NOT NULL DEFAULT now(),
    type text NOT NULL,
    -- What changed: a job, a card, an asset …
    subject uuid NOT NULL,
    -- Which change of it, 1, 2, 3 …; an event that is no change of status repeats the number and adds a suffix to its id.
    seq integer NOT NULL,
    event_id text NOT NULL,
    project_id uuid,
    card_id uuid,
    -- The wire form without `position` and `prev_position`, which are known only once the log is read in order.
    body json NOT NULL,
    traceparent text
) PARTITION BY RANGE (at);

CREATE INDEX events_order ON shared.events (transaction_id, id);
CREATE INDEX events_subject ON shared.events (subject, seq);
-- Replay of one card or project; rows without one cost nothing here.
CREATE INDEX events_card ON shared.events (card_id, transaction_id, id) WHERE card_id IS NOT NULL;
CREATE INDEX events_project ON shared.events (project_id, transaction_id, id) WHERE project_id IS NOT NULL;

-- Takes what no daily partition does, so that a missed maintenance run never refuses a write.
CREATE TABLE shared.events_overflow PARTITION OF shared.events DEFAULT;

-- Makes the partitions for `day` and the days after it. Returns how many are new.
CREATE FUNCTION shared.make_event_partitions(day date, days integer) RETURNS integer
LANGUAGE plpgsql AS $$
DECLARE
    made integer := 0;
    name text;
BEGIN
    FOR offset_days IN 0..days - 1 LOOP
        name := 'events_' || to_char(day + offset_days, 'YYYYMMDD');
        IF to_regclass('shared.' || name) IS NULL
            -- Attaching over rows that already overflowed would fail: they stay where they are and age there.
            AND NOT EXISTS (
                SELECT FROM shared.events_overflow
                WHERE at >= (day + offset_days)::timestamp AT TIME ZONE 'UTC'
                    AND at < (day + offset_days + 1)::timestamp AT TIME ZONE 'UTC'
            )
        THEN
            EXECUTE format(
                'CREATE TABLE shared.%I PARTITION OF shared.events FOR VALUES FROM (%L) TO (%L)',
                name,
                (day + offset_days)::timestamp AT TIME ZONE 'UTC',
                (day + offset_days + 1)::timestamp AT TIME ZONE 'UTC'
            );
            made := made + 1;
        END IF;
    END LOOP;
    RETURN made;
END $$;

SELECT shared.make_event_partitions((now() AT TIME ZONE 'UTC')::date, 3);

-- Names the history that positions belong to. A restored copy, a promoted standby and another cluster each have
-- another name, so a cursor from elsewhere is recognised.
CREATE TABLE shared.log_origin (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    salt text NOT NULL DEFAULT gen_random_uuid()::text
);
INSERT INTO shared.log_origin DEFAULT VALUES;

CREATE FUNCTION shared.log_epoch() RETURNS text
LANGUAGE sql STABLE AS $$
    SELECT left(md5(concat_ws('/', salt, system.system_identifier, checkpoint.timeline_id, database.oid)), 8)
    FROM shared.log_origin, pg_control_system() AS system, pg_control_checkpoint() AS checkpoint, pg_database AS database
    WHERE database.datname = current_database()
$$;

-- The events after a place, as far as the log is settled: a row is returned only when no transaction of ours that
-- could still commit before it is open. Two statements on purpose: the second takes its snapshot after the first has
-- found the horizon, so all that ended before the horizon is visible to it. Foreign transactions do not count.
CREATE FUNCTION shared.settled_events(after_transaction xid8, after_id bigint, at_most bigint)
RETURNS SETOF shared.events
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    horizon xid8 := shared.settled_horizon();
BEGIN
    RETURN QUERY
        SELECT *
        FROM shared.events AS event
        WHERE (event.transaction_id, event.id) > (after_transaction, after_id) AND event.transaction_id < horizon
        ORDER BY event.transaction_id, event.id
        LIMIT at_most;
END $$;

-- The lowest transaction id that may still write events; all below it have ended.
CREATE FUNCTION shared.settled_horizon() RETURNS xid8
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    -- First the next id, then who is open: one that opens in between has an id that is not lower.
    next_transaction xid8 := pg_snapshot_xmax(pg_current_snapshot());
    oldest bigint;
BEGIN
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

-- How far a reader of the log got.
CREATE TABLE shared.cursors (
    name text PRIMARY KEY,
    epoch text NOT NULL,
    transaction_id xid8 NOT NULL,
    row_id bigint NOT NULL,
    updated_at timestamptz NOT NULL DEFAULT now()
) WITH (fillfactor = 50);

-- Who leads a duty that only one replica may have. The fence grows at every change of hands.
CREATE TABLE shared.leases (
    name text PRIMARY KEY,
    holder uuid NOT NULL,
    fence bigint NOT NULL,
    expires_at timestamptz NOT NULL
) WITH (fillfactor = 50);

CREATE TABLE shared.api_keys (
    id uuid PRIMARY KEY,
    name text NOT NULL,
    token_hash bytea NOT NULL UNIQUE,
    scopes text[] NOT NULL,
    -- NULL: all projects.
    project_id uuid,
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz,
    revoked_at timestamptz
);

-- The first answer to each Idempotency-Key, written in the transaction of the effect.
CREATE TABLE shared.idempotency_keys (
    caller text NOT NULL,
    key text NOT NULL,
    request_hash bytea NOT NULL,
    status integer,
    response bytea,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (caller, key)
);
CREATE INDEX idempotency_keys_age ON shared.idempotency_keys (created_at);
