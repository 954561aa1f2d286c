import JSON
import Kernel
import Messaging
import Postgres

/// The end of a job, with the ids of the callbacks that tell of it.
struct FinalEvent: Sendable {
    let event: FeedEvent
    let traceparent: String?
    let agentCallback: UUID
    let urlCallback: UUID
}

/// Statements over `notify.callbacks`.
enum CallbackStatements {
    /// Notes what is to be delivered for final events: to the agent, and to each job's own URL. Once, however often.
    static func note(_ events: [FinalEvent], agentURL: String) -> SQL {
        """
        WITH event AS (
            SELECT *
            FROM unnest(
                \(events.map(\.event.id)), \(events.map(\.event.job)), \(events.map(\.event.project)),
                \(events.map(\.event.seq)), \(events.map { RawJSON($0.event.wire) }), \(events.map(\.traceparent)),
                \(events.map(\.agentCallback)), \(events.map(\.urlCallback))
            ) AS event (id, job_id, project_id, seq, body, traceparent, agent_callback, url_callback)
        )
        INSERT INTO notify.callbacks (id, event_id, job_id, project_id, seq, target, url, body, traceparent)
        SELECT agent_callback, id, job_id, project_id, seq, 'agent', \(agentURL), body, traceparent
        FROM event
        UNION ALL
        SELECT event.url_callback, event.id, job.id, job.project_id, event.seq, 'url', job.callback_url,
            event.body, event.traceparent
        FROM event JOIN jobs.job_views AS job ON job.id = event.job_id
        WHERE job.callback_url IS NOT NULL
        ON CONFLICT (job_id, target, seq) DO NOTHING
        """
    }

    /// Takes due callbacks for `lease`; a sender that dies leaves them to the next when that is over. Each lane gives at
    /// most as many as it has `places`, `perLane` unless it is named: who is slow holds up nobody else. Of one job the
    /// later waits until the earlier is delivered or dead.
    ///
    /// Callbacks that were delivered leave dead entries in the index until it is vacuumed. `low` is a time before which
    /// nothing that lives is due, to begin behind them; each row of the answer has the next such time first. There is
    /// one row when nothing is taken. Only what a transaction longer than `margin` writes can lie before it.
    static func take(
        for target: Callback.Target,
        atMost limit: Int,
        perLane: Int,
        _ places: [(lane: String, places: Int)],
        after low: Timestamp?,
        margin: Duration = .seconds(2),
        lease: Duration
    ) -> SQL {
        let line = line(of: target)
        let lane = lane(of: target)
        return """
            WITH lane AS (
                SELECT * FROM unnest(\(places.map(\.lane)), \(places.map(\.places))) AS lane (name, places)
            ), first AS (
                SELECT next_at FROM notify.callbacks
                WHERE \(line) AND next_at >= coalesce(\(low), '-infinity')
                ORDER BY next_at
                LIMIT 1
            ), due AS (
                SELECT id, \(lane) AS lane, next_at FROM notify.callbacks AS callback
                WHERE \(line) AND next_at >= coalesce(\(low), '-infinity') AND next_at <= now()
                    AND NOT \(lane) = ANY(ARRAY(SELECT name FROM lane WHERE places = 0))
                    -- Asked of each alone, and not in the words of the line's index: by that it would be a walk through
                    -- all that is due for each that is due.
                    AND seq = (
                        SELECT min(first.seq) FROM notify.callbacks AS first
                        WHERE first.job_id = callback.job_id AND first.target = callback.target
                            AND first.state NOT IN ('delivered', 'dead')
                    )
                ORDER BY next_at
                LIMIT 256
            ), candidates AS (
                SELECT id, next_at, coalesce(lane.places, \(perLane)) AS places,
                    row_number() OVER (PARTITION BY due.lane ORDER BY next_at, id) AS turn
                FROM due LEFT JOIN lane ON lane.name = due.lane
            ), taken AS (
                -- An array, because a subquery may be planned as a walk through all callbacks in the order of their ids.
                SELECT id FROM notify.callbacks
                WHERE id = ANY(ARRAY(
                        SELECT id FROM candidates WHERE turn <= places ORDER BY turn, next_at LIMIT \(limit)
                    ))
                    AND state = 'pending' AND next_at <= now()
                ORDER BY id
                FOR UPDATE SKIP LOCKED
            ), updated AS (
                UPDATE notify.callbacks AS callback
                SET attempt = attempt + 1, next_at = now() + \(lease)
                FROM taken
                WHERE callback.id = taken.id
                RETURNING callback.id, event_id, target, url, host, body, attempt, traceparent
            )
            SELECT least((SELECT next_at FROM first), now() - \(margin)) AS low, updated.*
            FROM (SELECT) AS one LEFT JOIN updated ON true
            """
    }

    /// Puts off what is due for lanes that are shut, to when each opens again: out of the way of the others. Not what
    /// came due just now: another replica may reach the target. What has been tried for longer than `age` is dead.
    static func putOff(
        for target: Callback.Target,
        _ lanes: [(lane: String, for: Duration)],
        olderThan age: Duration,
        atMost limit: Int
    ) -> SQL {
        """
        WITH lane AS (
            SELECT * FROM unnest(\(lanes.map(\.lane)), \(lanes.map(\.for))) AS lane (name, wait)
        ), due AS (
            SELECT id FROM notify.callbacks
            WHERE \(line(of: target)) AND next_at <= now() - interval '1 second'
                AND \(lane(of: target)) = ANY(ARRAY(SELECT name FROM lane))
            ORDER BY next_at
            LIMIT \(limit)
            FOR UPDATE SKIP LOCKED
        )
        UPDATE notify.callbacks AS callback
        SET next_at = now() + lane.wait, \(tried(notLongerThan: age)),
            last_error = coalesce(last_error, 'the target does not answer')
        FROM due, lane
        WHERE callback.id = due.id AND lane.name = \(lane(of: target))
        RETURNING state
        """
    }

    /// What a kind of target has in its index.
    private static func line(of target: Callback.Target) -> SQL {
        switch target {
        case .agent: "state = 'pending' AND target = 'agent'"
        case .url: "state = 'pending' AND target = 'url'"
        }
    }

    private static func lane(of target: Callback.Target) -> SQL {
        switch target {
        case .agent: "''::text"
        case .url: "host"
        }
    }

    /// Notes successes. Who was overtaken by a later attempt changes nothing.
    static func delivered(_ callbacks: [Callback]) -> SQL {
        """
        UPDATE notify.callbacks AS callback SET state = 'delivered', finished_at = now(), last_error = NULL
        FROM unnest(\(callbacks.map(\.id)), \(callbacks.map(\.attempt))) AS done (id, attempt)
        WHERE callback.id = done.id AND callback.state = 'pending' AND callback.attempt = done.attempt
        """
    }

    /// Notes a failure: it is tried again after `wait`, and dead when it has been tried for longer than `age`.
    static func failed(
        _ callback: Callback,
        _ reason: String,
        tryingAfter wait: Duration,
        olderThan age: Duration
    ) -> SQL {
        """
        UPDATE notify.callbacks
        SET last_error = \(reason), next_at = now() + \(wait), \(tried(notLongerThan: age))
        WHERE id = \(callback.id) AND state = 'pending' AND attempt = \(callback.attempt)
        RETURNING state
        """
    }

    /// The state of what is not delivered yet.
    private static func tried(notLongerThan age: Duration) -> SQL {
        """
        state = CASE WHEN tried_since < now() - \(age) THEN 'dead' ELSE 'pending' END,
        finished_at = CASE WHEN tried_since < now() - \(age) THEN now() END
        """
    }

    /// Forgets callbacks that were delivered a week ago. Ids are ordered by time: those from `bound` on, which was a week
    /// ago too, are not even looked at.
    static func forget(before bound: UUID, atMost limit: Int) -> SQL {
        """
        DELETE FROM notify.callbacks WHERE id IN (
            SELECT id FROM notify.callbacks
            WHERE id < \(bound) AND state = 'delivered' AND finished_at < now() - interval '7 days'
            ORDER BY id
            LIMIT \(limit)
            FOR UPDATE SKIP LOCKED
        )
        """
    }

    static func list(_ filter: CallbackFilter, before id: UUID?, limit: Int) -> SQL {
        """
        SELECT id, event_id, job_id, target, host, state, attempt, next_at, last_error, created_at, finished_at
        FROM notify.callbacks
        WHERE \(filter.condition) AND (\(id)::uuid IS NULL OR id < \(id))
        ORDER BY id DESC
        LIMIT \(limit)
        """
    }

    /// How many there are, counted up to a limit.
    static func count(_ filter: CallbackFilter, atMost limit: Int) -> SQL {
        "SELECT count(*) FROM (SELECT FROM notify.callbacks WHERE \(filter.condition) LIMIT \(limit)) AS found"
    }

    /// Lets dead callbacks be tried from the start. As many rows as there were.
    static func retry(_ filter: CallbackFilter, atMost limit: Int) -> SQL {
        """
        UPDATE notify.callbacks SET \(afresh)
        WHERE id IN (
            SELECT id FROM notify.callbacks WHERE \(filter.condition) AND state = 'dead'
            ORDER BY id
            LIMIT \(limit)
            FOR UPDATE SKIP LOCKED
        )
        """
    }

    /// Lets a dead callback be tried from the start. One row when it was dead.
    static func retry(_ id: UUID) -> SQL {
        "UPDATE notify.callbacks SET \(afresh) WHERE id = \(id) AND state = 'dead'"
    }

    private static let afresh: SQL = """
        state = 'pending', attempt = 0, next_at = now(), tried_since = now(), finished_at = NULL
        """

    static func state(_ id: UUID) -> SQL { "SELECT state FROM notify.callbacks WHERE id = \(id)" }
}
