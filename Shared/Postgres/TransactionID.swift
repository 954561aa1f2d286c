/// A transaction's number (`xid8`): 64 bits that never wrap around, as `pg_current_xact_id()` gives it.
public struct TransactionID: RawRepresentable, Hashable, Sendable, Comparable {
    /// The number, epoch included.
    public let rawValue: UInt64

    /// Takes a number.
    public init(rawValue: UInt64) { self.rawValue = rawValue }

    /// Orders by number, which is the order of assignment and not of commit.
    public static func < (left: TransactionID, right: TransactionID) -> Bool { left.rawValue < right.rawValue }
}

extension TransactionID: PostgresArrayElement, PostgresDecodable {
    /// `xid8`
    public static var postgresType: PostgresType { .xid8 }
    /// `xid8[]`
    public static var postgresArrayType: PostgresType { .xid8Array }

    /// Writes eight bytes.
    public func encode(into buffer: inout ParameterBuffer) -> Bool {
        buffer.write(rawValue)
        return true
    }

    /// Reads `xid8`.
    public init(cell: Cell) throws(CellError) {
        try cell.require(.xid8)
        rawValue = try cell.integer()
    }
}
