import Kernel
import Postgres

/// Statements over `shared.leases` and `shared.cursors`.
enum LeaseStatements {
    /// Takes a free or expired lease, or renews one's own. One row with the fence when it is ours.
    static func acquire(_ name: String, holder: UUID, term: Duration) -> SQL {
        """
        INSERT INTO shared.leases AS lease (name, holder, fence, expires_at)
        VALUES (\(name), \(holder), 1, now() + \(term))
        ON CONFLICT (name) DO UPDATE
        SET holder = excluded.holder,
            fence = lease.fence + CASE WHEN lease.holder = excluded.holder THEN 0 ELSE 1 END,
            expires_at = excluded.expires_at
        WHERE lease.holder = excluded.holder OR lease.expires_at < now()
        RETURNING fence
        """
    }

    /// Gives the lease back, so that another replica need not wait for its expiry.
    static func release(_ name: String, holder: UUID) -> SQL {
        "UPDATE shared.leases SET expires_at = '-infinity' WHERE name = \(name) AND holder = \(holder)"
    }

    static func readCursor(_ name: String) -> SQL {
        "SELECT epoch, transaction_id, row_id FROM shared.cursors WHERE name = \(name)"
    }

    /// Moves a cursor, unless the lease went to somebody else.
    static func moveCursor(_ name: String, epoch: String, to place: LogPlace, fence: Int64, lease: String) -> SQL {
        """
        INSERT INTO shared.cursors (name, epoch, transaction_id, row_id)
        SELECT \(name), \(epoch), \(place.transaction), \(place.row)
        FROM shared.leases
        WHERE name = \(lease) AND fence = \(fence)
        ON CONFLICT (name) DO UPDATE
        SET epoch = excluded.epoch, transaction_id = excluded.transaction_id, row_id = excluded.row_id,
            updated_at = now()
        """
    }
}
