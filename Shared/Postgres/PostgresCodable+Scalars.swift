extension Bool: PostgresArrayElement, PostgresDecodable {
    /// `boolean`
    public static var postgresType: PostgresType { .bool }
    /// `boolean[]`
    public static var postgresArrayType: PostgresType { .boolArray }
    /// Writes one byte.
    public func encode(into buffer: inout ParameterBuffer) -> Bool {
        buffer.write(UInt8(self ? 1 : 0))
        return true
    }
    /// Reads `boolean`.
    public init(cell: Cell) throws(CellError) {
        try cell.require(.bool)
        self = try cell.integer(UInt8.self) != 0
    }
}

extension String: PostgresArrayElement, PostgresDecodable {
    /// `text`
    public static var postgresType: PostgresType { .text }
    /// `text[]`
    public static var postgresArrayType: PostgresType { .textArray }
    /// Writes UTF-8.
    public func encode(into buffer: inout ParameterBuffer) -> Bool {
        buffer.write(utf8)
        return true
    }
    /// Reads `text`, `varchar`, `char`, `name`, `json` and the labels of enums.
    public init(cell: Cell) throws(CellError) {
        switch cell.type {
        case .text, .varchar, .bpchar, .name, .char, .unknown, .json: break
        case let type where type.isUserDefined: break
        default: throw cell.isNull ? .null : .type(cell.type)
        }
        self = String(decoding: try cell.bytes, as: UTF8.self)
    }
}

extension Double: PostgresArrayElement, PostgresDecodable {
    /// `double precision`
    public static var postgresType: PostgresType { .float8 }
    /// `double precision[]`
    public static var postgresArrayType: PostgresType { .float8Array }
    /// Writes the IEEE 754 bits.
    public func encode(into buffer: inout ParameterBuffer) -> Bool {
        buffer.write(bitPattern)
        return true
    }
    /// Reads `double precision` and `real`.
    public init(cell: Cell) throws(CellError) {
        try cell.require(.float8, .float4)
        if cell.type == .float4 {
            self = Double(Float(bitPattern: try cell.integer()))
        } else {
            self = Double(bitPattern: try cell.integer())
        }
    }
}

extension UInt8: PostgresArrayElement, PostgresDecodable {
    /// `smallint`
    public static var postgresType: PostgresType { .int2 }
    /// `bytea`: an array of bytes is a byte string, not an array of numbers.
    public static var postgresArrayType: PostgresType { .bytea }
    /// Writes two bytes.
    public func encode(into buffer: inout ParameterBuffer) -> Bool {
        buffer.write(Int16(self))
        return true
    }
    /// Writes a byte string.
    public static func encode(array: [UInt8], into buffer: inout ParameterBuffer) { buffer.write(array) }
    /// Reads any integer that fits.
    public init(cell: Cell) throws(CellError) { self = try cell.anyInteger() }
    /// Reads a byte string.
    public static func decode(array cell: Cell) throws(CellError) -> [UInt8] {
        try cell.require(.bytea)
        return Array(try cell.bytes)
    }
}
