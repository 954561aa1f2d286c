extension Int16: PostgresArrayElement, PostgresDecodable {
    /// `smallint`
    public static var postgresType: PostgresType { .int2 }
    /// `smallint[]`
    public static var postgresArrayType: PostgresType { .int2Array }
    /// Writes two bytes.
    public func encode(into buffer: inout ParameterBuffer) -> Bool {
        buffer.write(self)
        return true
    }
    /// Reads any integer that fits.
    public init(cell: Cell) throws(CellError) { self = try cell.anyInteger() }
}

extension Int32: PostgresArrayElement, PostgresDecodable {
    /// `integer`
    public static var postgresType: PostgresType { .int4 }
    /// `integer[]`
    public static var postgresArrayType: PostgresType { .int4Array }
    /// Writes four bytes.
    public func encode(into buffer: inout ParameterBuffer) -> Bool {
        buffer.write(self)
        return true
    }
    /// Reads any integer that fits.
    public init(cell: Cell) throws(CellError) { self = try cell.anyInteger() }
}

extension Int64: PostgresArrayElement, PostgresDecodable {
    /// `bigint`
    public static var postgresType: PostgresType { .int8 }
    /// `bigint[]`
    public static var postgresArrayType: PostgresType { .int8Array }
    /// Writes eight bytes.
    public func encode(into buffer: inout ParameterBuffer) -> Bool {
        buffer.write(self)
        return true
    }
    /// Reads any integer.
    public init(cell: Cell) throws(CellError) { self = try cell.anyInteger() }
}

extension Int: PostgresArrayElement, PostgresDecodable {
    /// `bigint`
    public static var postgresType: PostgresType { .int8 }
    /// `bigint[]`
    public static var postgresArrayType: PostgresType { .int8Array }
    /// Writes eight bytes.
    public func encode(into buffer: inout ParameterBuffer) -> Bool {
        buffer.write(Int64(self))
        return true
    }
    /// Reads any integer.
    public init(cell: Cell) throws(CellError) { self = try cell.anyInteger() }
}

extension Cell {
    /// Reads an integer of whatever width the column has.
    func anyInteger<Number: FixedWidthInteger>() throws(CellError) -> Number {
        let wide: Int64
        switch type {
        case .int8: wide = try integer()
        case .int4: wide = Int64(try integer(Int32.self))
        case .int2: wide = Int64(try integer(Int16.self))
        case .oid, .xid: wide = Int64(try integer(UInt32.self))
        default: throw isNull ? .null : .type(type)
        }
        guard let number = Number(exactly: wide) else { throw .value }
        return number
    }
}
