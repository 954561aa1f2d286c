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
                \(events.map { RawJSON($0.event.wire) }), \(events.map(\.traceparent)),
                \(events.map(\.agentCallback)), \(events.map(\.urlCallback))
            ) AS event (id, job_id, project_id, body, traceparent, agent_callback, url_callback)
        )
        INSERT INTO notify.callbacks (id, event_id, job_id, project_id, target, url, body, traceparent)
        SELECT agent_callback, id, job_id, project_id, 'agent', \(agentURL), body, traceparent
        FROM event
        UNION ALL
        SELECT event.url_callback, event.id, job.id, job.project_id, 'url', job.callback_url, event.body,
            event.traceparent
        FROM event JOIN jobs.job_views AS job ON job.id = event.job_id
        WHERE job.callback_url IS NOT NULL
        ON CONFLICT (event_id, target) DO NOTHING
        """
    }

    /// Takes due callbacks for `lease`; a sender that dies leaves them to the next when that is over. Of hosts that
    /// are busy none are taken, of every other at most `perHost`: who is slow holds up nobody else.
    static func take(atMost limit: Int, perHost: Int, except busy: [String], lease: Duration) -> SQL {
        """
        WITH candidates AS (
            SELECT id, row_number() OVER (PARTITION BY host ORDER BY next_at) AS turn
            FROM (
                SELECT id, host, next_at FROM notify.callbacks
                WHERE state = 'pending' AND next_at <= now() AND NOT host = ANY(\(busy))
                ORDER BY next_at
                LIMIT 500
            ) AS due
        ), taken AS (
            -- An array, because a subquery may be planned as a walk through all callbacks in the order of their ids.
            SELECT id FROM notify.callbacks
            WHERE id = ANY(ARRAY(SELECT id FROM candidates WHERE turn <= \(perHost)))
                AND state = 'pending' AND next_at <= now()
            ORDER BY id
            LIMIT \(limit)
            FOR UPDATE SKIP LOCKED
        )
        UPDATE notify.callbacks AS callback
        SET attempt = attempt + 1, next_at = now() + \(lease)
        FROM taken
        WHERE callback.id = taken.id
        RETURNING callback.id, event_id, target, url, host, body, attempt, traceparent
        """
    }

    /// Notes successes. Who was overtaken by a later attempt changes nothing.
    static func delivered(_ callbacks: [Callback]) -> SQL {
        """
        UPDATE notify.callbacks AS callback SET state = 'delivered', finished_at = now(), last_error = NULL
        FROM unnest(\(callbacks.map(\.id)), \(callbacks.map(\.attempt))) AS done (id, attempt)
        WHERE callback.id = done.id AND callback.state = 'pending' AND callback.attempt = done.attempt
        """
    }

    /// Notes a failure, and when to try again; without a wait it was the last attempt.
    static func failed(_ callback: Callback, _ reason: String, tryingAfter wait: Duration?) -> SQL {
        """
        UPDATE notify.callbacks
        SET last_error = \(reason), next_at = now() + coalesce(\(wait), interval '0'),
            state = CASE WHEN \(wait)::interval IS NULL THEN 'dead' ELSE 'pending' END,
            finished_at = CASE WHEN \(wait)::interval IS NULL THEN now() END
        WHERE id = \(callback.id) AND state = 'pending' AND attempt = \(callback.attempt)
        """
    }

    /// Forgets callbacks that were delivered a week ago.
    static func forget(atMost limit: Int) -> SQL {
        """
        DELETE FROM notify.callbacks WHERE id IN (
            SELECT id FROM notify.callbacks
            WHERE state = 'delivered' AND finished_at < now() - interval '7 days'
            LIMIT \(limit)
            FOR UPDATE SKIP LOCKED
        )
        """
    }

    static func list(state: String?, before id: UUID?, limit: Int) -> SQL {
        """
        SELECT id, event_id, job_id, target, host, state, attempt, next_at, last_error, created_at, finished_at
        FROM notify.callbacks
        WHERE (\(state)::text IS NULL OR state = \(state)) AND (\(id)::uuid IS NULL OR id < \(id))
        ORDER BY id DESC
        LIMIT \(limit)
        """
    }

    /// Lets a dead callback be tried from the start. One row when it was dead.
    static func retry(_ id: UUID) -> SQL {
        """
        UPDATE notify.callbacks SET state = 'pending', attempt = 0, next_at = now(), finished_at = NULL
        WHERE id = \(id) AND state = 'dead'
        """
    }

    static func state(_ id: UUID) -> SQL { "SELECT state FROM notify.callbacks WHERE id = \(id)" }
}
