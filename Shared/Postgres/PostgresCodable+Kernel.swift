public import Kernel

extension UUID: PostgresArrayElement, PostgresDecodable {
    /// `uuid`
    public static var postgresType: PostgresType { .uuid }
    /// `uuid[]`
    public static var postgresArrayType: PostgresType { .uuidArray }
    /// Writes 16 bytes.
    public func encode(into buffer: inout ParameterBuffer) -> Bool {
        buffer.write(high)
        buffer.write(low)
        return true
    }
    /// Reads `uuid`.
    public init(cell: Cell) throws(CellError) {
        try cell.require(.uuid)
        let (high, low) = try cell.integers()
        self.init(high: UInt64(bitPattern: high), low: UInt64(bitPattern: low))
    }
}

extension Identifier: PostgresEncodable, PostgresArrayElement, PostgresDecodable {
    /// `uuid`
    public static var postgresType: PostgresType { .uuid }
    /// `uuid[]`
    public static var postgresArrayType: PostgresType { .uuidArray }
    /// Writes 16 bytes.
    public func encode(into buffer: inout ParameterBuffer) -> Bool { uuid.encode(into: &buffer) }
    /// Reads `uuid`.
    public init(cell: Cell) throws(CellError) { self.init(try UUID(cell: cell)) }
}

/// Postgres counts from 2000-01-01T00:00:00Z; this is that moment in microseconds since 1970.
private let epoch: Int64 = 946_684_800_000_000

extension Timestamp: PostgresArrayElement, PostgresDecodable {
    /// `timestamptz`
    public static var postgresType: PostgresType { .timestamptz }
    /// `timestamptz[]`
    public static var postgresArrayType: PostgresType { .timestamptzArray }
    /// Writes microseconds since 2000; what lies before all of Postgres' time becomes `-infinity`.
    public func encode(into buffer: inout ParameterBuffer) -> Bool {
        let (sinceEpoch, overflow) = microseconds.subtractingReportingOverflow(epoch)
        buffer.write(overflow ? .min : sinceEpoch)
        return true
    }
    /// Reads `timestamptz`; `infinity` does not fit and is refused.
    public init(cell: Cell) throws(CellError) {
        try cell.require(.timestamptz)
        let sinceEpoch = try cell.integer(Int64.self)
        let (microseconds, overflow) = sinceEpoch.addingReportingOverflow(epoch)
        guard !overflow, sinceEpoch != .min else { throw .value }
        self.init(microseconds: microseconds)
    }
}

extension Duration: PostgresArrayElement, PostgresDecodable {
    /// `interval`
    public static var postgresType: PostgresType { .interval }
    /// `interval[]`
    public static var postgresArrayType: PostgresType { .intervalArray }
    /// Writes whole microseconds, without days and months.
    public func encode(into buffer: inout ParameterBuffer) -> Bool {
        buffer.write(microseconds)
        buffer.write(Int64(0))
        return true
    }
    /// Reads `interval`, a day being 24 hours; months have no fixed length and are refused.
    public init(cell: Cell) throws(CellError) {
        try cell.require(.interval)
        let (microseconds, rest) = try cell.integers()
        let days = rest >> 32
        guard Int32(truncatingIfNeeded: rest) == 0 else { throw .value }
        self = .microseconds(microseconds) + .seconds(days * 86_400)
    }
}

extension Cell {
    /// The value as two 64-bit numbers.
    fileprivate func integers() throws(CellError) -> (Int64, Int64) {
        let both = try integer(Int128.self)
        return (Int64(truncatingIfNeeded: both >> 64), Int64(truncatingIfNeeded: both))
    }
}
