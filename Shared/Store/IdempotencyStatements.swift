public import Postgres

/// Statements over `shared.idempotency_keys`.
public enum IdempotencyStatements {
    /// Claims a key inside the transaction of the effect; no row when somebody has it. Waits for one who is at it.
    public static func claim(_ caller: String, _ key: String, requestHash: [UInt8]) -> SQL {
        """
        INSERT INTO shared.idempotency_keys (caller, key, request_hash)
        VALUES (\(caller), \(key), \(requestHash))
        ON CONFLICT DO NOTHING
        RETURNING key
        """
    }

    /// Stores the answer, in the same transaction.
    public static func answer(_ caller: String, _ key: String, status: Int, response: [UInt8]) -> SQL {
        """
        UPDATE shared.idempotency_keys
        SET status = \(status), response = \(response)
        WHERE caller = \(caller) AND key = \(key)
        """
    }

    /// The stored answer.
    public static func find(_ caller: String, _ key: String) -> SQL {
        """
        SELECT request_hash, status, response
        FROM shared.idempotency_keys
        WHERE caller = \(caller) AND key = \(key)
        """
    }

    /// Forgets keys older than a day.
    public static func forget(atMost limit: Int) -> SQL {
        """
        DELETE FROM shared.idempotency_keys
        WHERE (caller, key) IN (
            SELECT caller, key
            FROM shared.idempotency_keys
            WHERE created_at < now() - interval '24 hours'
            LIMIT \(limit)
            FOR UPDATE SKIP LOCKED
        )
        """
    }
}
