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
}
