import Contracts
import Kernel
import Postgres

/// The events of activities, cards and approvals, as the bodies of CTEs: each change and its event are one statement.
///
/// A body says `place` for the position among neighbours: `position` is the event's own, in the log.
/// A move reports the one that was moved; its neighbours only make room and keep their versions.
enum ChangeStatements {
    /// An event for every row of a CTE with the columns `id, project_id, seq, position, version`.
    static func activities(in name: String, _ change: ChangeKind, trace: String?) -> SQL {
        """
        INSERT INTO shared.events (type, event_id, subject, seq, project_id, body, traceparent)
        SELECT \(unchecked: "'\(EventType.activityUpdated.rawValue)'"), id || ':' || seq, id, seq, project_id,
            json_build_object(
                'event_id', id || ':' || seq,
                'type', \(unchecked: "'\(EventType.activityUpdated.rawValue)'"),
                'change', \(unchecked: "'\(change.rawValue)'"),
                'activity_id', id,
                'project_id', project_id,
                'seq', seq,
                'place', position,
                'version', version,
                'timestamp', shared.rfc3339(now())
            ),
            \(trace)
        FROM \(unchecked: name)
        """
    }

    /// An event for every row of a CTE with the columns
    /// `id, activity_id, project_id, seq, status, position, version`.
    static func cards(in name: String, _ change: ChangeKind, asset: AssetID? = nil, trace: String?) -> SQL {
        """
        INSERT INTO shared.events (type, event_id, subject, seq, project_id, card_id, body, traceparent)
        SELECT \(unchecked: "'\(EventType.cardUpdated.rawValue)'"), id || ':' || seq, id, seq, project_id, id,
            json_build_object(
                'event_id', id || ':' || seq,
                'type', \(unchecked: "'\(EventType.cardUpdated.rawValue)'"),
                'change', \(unchecked: "'\(change.rawValue)'"),
                'card_id', id,
                'activity_id', activity_id,
                'project_id', project_id,
                'seq', seq,
                'status', status,
                'place', position,
                'version', version,
                'asset_id', \(asset)::uuid,
                'timestamp', shared.rfc3339(now())
            ),
            \(trace)
        FROM \(unchecked: name)
        """
    }

    /// An event for every row of a CTE with the columns `id, project_id, card_id, job_id, seq`.
    static func assets(in name: String, _ type: EventType, by caller: String, trace: String?) -> SQL {
        """
        INSERT INTO shared.events (type, event_id, subject, seq, project_id, card_id, body, traceparent)
        SELECT \(unchecked: "'\(type.rawValue)'"), id || ':' || seq, id, seq, project_id, card_id,
            json_build_object(
                'event_id', id || ':' || seq,
                'type', \(unchecked: "'\(type.rawValue)'"),
                'asset_id', id,
                'job_id', job_id,
                'card_id', card_id,
                'project_id', project_id,
                'seq', seq,
                'by', \(caller)::text,
                'timestamp', shared.rfc3339(now())
            ),
            \(trace)
        FROM \(unchecked: name)
        """
    }
}
