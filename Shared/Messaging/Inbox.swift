public import Postgres

/// Remembers which events a consumer has acted on, in the transaction of the action.
public enum Inbox {
    /// Claims an event: one row is inserted the first time, none when the event was acted on before.
    public static func claim(_ eventID: String, for consumer: String, in table: String = "agent.inbox") -> SQL {
        """
        INSERT INTO \(unchecked: table) (consumer, event_id)
        VALUES (\(consumer), \(eventID))
        ON CONFLICT DO NOTHING
        """
    }

    /// Claims events; returns the ids of those that were not acted on before.
    public static func claim(_ eventIDs: [String], for consumer: String, in table: String = "agent.inbox") -> SQL {
        """
        INSERT INTO \(unchecked: table) (consumer, event_id)
        SELECT \(consumer), id FROM unnest(\(eventIDs)) AS event (id) ORDER BY id
        ON CONFLICT DO NOTHING
        RETURNING event_id
        """
    }
}
