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
        var rest = text.utf8[...]
        guard rest.count <= 64, let epoch = Position.part(&rest), Position.isEpoch(epoch),
            let transaction = Position.part(&rest).flatMap(Position.number),
            let row = Position.number(rest).flatMap(Int64.init(exactly:))
        else { return nil }
        self.init(epoch: String(Substring(epoch)), transaction: transaction, row: row)
    }

    /// Takes what stands before the next dot, and the dot.
    private static func part(_ rest: inout Substring.UTF8View) -> Substring.UTF8View? {
        guard let dot = rest.firstIndex(of: UInt8(ascii: ".")) else { return nil }
        defer { rest = rest[rest.index(after: dot)...] }
        return rest[..<dot]
    }

    private static func number(_ digits: Substring.UTF8View) -> UInt64? {
        guard !digits.isEmpty else { return nil }
        var number: UInt64 = 0
        for byte in digits {
            let digit = UInt64(byte &- UInt8(ascii: "0"))
            let (tenfold, overflows) = number.multipliedReportingOverflow(by: 10)
            let (sum, carries) = tenfold.addingReportingOverflow(digit)
            guard digit <= 9, !overflows, !carries else { return nil }
            number = sum
        }
        return number
    }

    /// The wire form: `epoch.transaction.row`.
    public var description: String { "\(epoch).\(transaction).\(row)" }

    /// Whether the place is before `other` in the same history.
    public func isBefore(_ other: Position) -> Bool {
        epoch == other.epoch && (transaction, row) < (other.transaction, other.row)
    }

    private static func isEpoch(_ text: Substring.UTF8View) -> Bool {
        (1...16).contains(text.count)
            && text.allSatisfy { byte in
                (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte)
                    || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
            }
    }
}
