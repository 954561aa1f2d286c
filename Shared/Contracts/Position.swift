/// A place in the event log: after which event a reader stands. It is also the cursor of every subscriber.
///
/// Places are ordered by the id of the writing transaction, then by row. `epoch` names the history the place belongs
/// to: a database that was restored or failed over has another one, and a cursor from the old history is answered
/// with a snapshot.
public struct Position: Hashable, Sendable, LosslessStringConvertible {
    /// The history this place belongs to.
    public let epoch: String
    /// The transaction that wrote the event.
    public let transaction: UInt64
    /// The event's row.
    public let row: Int64

    /// A place from its parts.
    public init(epoch: String, transaction: UInt64, row: Int64) {
        self.epoch = epoch
        self.transaction = transaction
        self.row = row
    }

    /// Parses the wire form; `nil` for anything else.
    public init?(_ text: String) {
        guard text.utf8.count <= 64 else { return nil }
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 3, Position.isEpoch(parts[0]),
            let transaction = UInt64(parts[1]), let row = Int64(parts[2]), row >= 0,
            parts[1].first != "+", parts[2].first != "+"
        else { return nil }
        self.init(epoch: String(parts[0]), transaction: transaction, row: row)
    }

    /// The wire form: `epoch.transaction.row`.
    public var description: String { "\(epoch).\(transaction).\(row)" }

    /// Whether the place is before `other` in the same history.
    public func isBefore(_ other: Position) -> Bool {
        epoch == other.epoch && (transaction, row) < (other.transaction, other.row)
    }

    private static func isEpoch(_ text: Substring) -> Bool {
        (1...16).contains(text.utf8.count)
            && text.utf8.allSatisfy { byte in
                (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte)
                    || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
            }
    }
}
