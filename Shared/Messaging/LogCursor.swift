public import Postgres

/// How far a durable reader of the event log got. It is moved in the transaction that acts on what was read.
public struct LogCursor: Sendable {
    /// The history, and the place in it.
    public struct Stand: Sendable {
        /// The history.
        public let epoch: String
        /// The last place that was acted on.
        public let place: LogPlace
    }

    /// The cursor's name, which is also that of the lease its leader holds.
    public let name: String

    /// The cursor called `name`.
    public init(_ name: String) { self.name = name }

    /// Where it stands; `nil` before its first move.
    public func read(_ pool: Pool) async throws -> Stand? {
        guard let row = try await pool.query(LeaseStatements.readCursor(name)).first else { return nil }
        return Stand(
            epoch: try row.decode(0),
            place: LogPlace(transaction: try row.decode(1), row: try row.decode(2))
        )
    }

    /// Moves it: one row, or none when the lease went to somebody else and the caller must roll back.
    public func move(to place: LogPlace, epoch: String, fence: Int64) -> SQL {
        LeaseStatements.moveCursor(name, epoch: epoch, to: place, fence: fence, lease: name)
    }
}
