public import Contracts
public import JSON
public import Kernel
public import Postgres

/// The statements of the event log.
public enum EventLog {
    /// Appends an event inside the caller's transaction.
    public static func append(
        _ type: EventType,
        id: String,
        subject: UUID,
        seq: Int,
        project: ProjectID?,
        card: CardID?,
        body: RawJSON,
        traceparent: String?
    ) -> SQL {
        """
        INSERT INTO shared.events (type, event_id, subject, seq, project_id, card_id, body, traceparent)
        VALUES (\(type.rawValue), \(id), \(subject), \(seq), \(project), \(card), \(body), \(traceparent))
        """
    }

    /// Appends the status event of every job in the column `job` of a CTE. It is the body of a CTE itself.
    public static func appendStatuses(ofJobsIn name: String) -> SQL {
        """
        INSERT INTO shared.events (type, event_id, subject, seq, project_id, card_id, body, traceparent)
        SELECT \(unchecked: "'\(EventType.jobStatusUpdated.rawValue)'"), (job).id || ':' || (job).seq, (job).id,
            (job).seq, (job).project_id, (job).card_id, jobs.status_event(job), (job).traceparent
        FROM \(unchecked: name)
        """
    }

    /// Appends the progress event of every job in the column `job` of a CTE. It is the body of a CTE itself.
    public static func appendProgress(ofJobsIn name: String) -> SQL {
        """
        INSERT INTO shared.events (type, event_id, subject, seq, project_id, card_id, body, traceparent)
        SELECT \(unchecked: "'\(EventType.jobProgressUpdated.rawValue)'"),
            (job).id || ':' || (job).seq || ':progress:' || (job).progress_count, (job).id,
            (job).seq, (job).project_id, (job).card_id, jobs.progress_event(job), (job).traceparent
        FROM \(unchecked: name)
        """
    }

    /// The name of the log's history.
    static let epoch: SQL = "SELECT shared.log_epoch()"

    /// Settled events after a place, in order.
    static func settled(after place: LogPlace, atMost limit: Int) -> SQL {
        """
        SELECT transaction_id, id, type, event_id, subject, seq, at, body, traceparent
        FROM shared.settled_events(\(place.transaction), \(place.row), \(limit))
        """
    }

    /// Settled events of a subject after a place, in order.
    static func settled(ofSubject subject: UUID, after place: LogPlace, atMost limit: Int) -> SQL {
        """
        WITH horizon AS MATERIALIZED (SELECT shared.settled_horizon() AS id)
        SELECT transaction_id, shared.events.id, type, event_id, subject, seq, at, body, traceparent
        FROM shared.events, horizon
        WHERE subject = \(subject) AND transaction_id < horizon.id
            AND (transaction_id, shared.events.id) > (\(place.transaction), \(place.row))
        ORDER BY transaction_id, shared.events.id
        LIMIT \(limit)
        """
    }

    /// The last settled place.
    static let settledEnd: SQL = """
        WITH horizon AS MATERIALIZED (SELECT shared.settled_horizon() AS id)
        SELECT transaction_id, shared.events.id
        FROM shared.events, horizon
        WHERE transaction_id < horizon.id
        ORDER BY transaction_id DESC, shared.events.id DESC
        LIMIT 1
        """

    /// The latest events of one context between two places, the last first.
    static func ofContext(_ condition: SQL, after place: LogPlace, upTo end: LogPlace, atMost limit: Int) -> SQL {
        """
        SELECT transaction_id, id, type, event_id, subject, seq, at, body, traceparent
        FROM shared.events
        WHERE (transaction_id, id) > (\(place.transaction), \(place.row))
            AND (transaction_id, id) <= (\(end.transaction), \(end.row))
            AND \(condition)
        ORDER BY transaction_id DESC, id DESC
        LIMIT \(limit)
        """
    }

    /// The status events of a subject after a number, in order.
    static func ofSubject(_ subject: UUID, type: EventType, afterSeq seq: Int, atMost limit: Int) -> SQL {
        """
        SELECT transaction_id, id, type, event_id, subject, seq, at, body, traceparent
        FROM shared.events
        WHERE subject = \(subject) AND seq > \(seq) AND type = \(type.rawValue)
        ORDER BY seq
        LIMIT \(limit)
        """
    }

    /// The event of a subject that has an id.
    static func event(_ id: String, of subject: UUID) -> SQL {
        """
        SELECT transaction_id, id, type, event_id, subject, seq, at, body, traceparent
        FROM shared.events
        WHERE subject = \(subject) AND event_id = \(id)
        LIMIT 1
        """
    }

    /// Wakes whoever follows the log; sent alone, never in a writer's transaction. It waits for no disk, which writers
    /// wait for: a notice that is lost with the server is missed by nobody.
    static func announce(_ sender: String) -> SQL {
        "SELECT set_config('synchronous_commit', 'off', true), pg_notify('martlet_events', \(sender))"
    }

    /// The first place that is still kept.
    static let oldest: SQL = "SELECT transaction_id, id FROM shared.events ORDER BY transaction_id, id LIMIT 1"
}
