/// JSON as bytes, to be stored and passed on without being parsed.
public struct RawJSON: Hashable, Sendable {
    /// The UTF-8 text.
    public let bytes: [UInt8]

    /// Takes UTF-8 text; Postgres refuses it if it is not JSON.
    public init(_ bytes: [UInt8]) { self.bytes = bytes }

    /// Takes text; Postgres refuses it if it is not JSON.
    public init(_ text: String) { bytes = Array(text.utf8) }
}

extension RawJSON: PostgresArrayElement, PostgresDecodable {
    /// `jsonb`
    public static var postgresType: PostgresType { .jsonb }
    /// `jsonb[]`
    public static var postgresArrayType: PostgresType { .jsonbArray }

    /// Writes version 1 of the binary form, which is the text.
    public func encode(into buffer: inout ParameterBuffer) -> Bool {
        buffer.write(UInt8(1))
        buffer.write(bytes)
        return true
    }

    /// Reads `jsonb` and `json`.
    public init(cell: Cell) throws(CellError) {
        try cell.require(.jsonb, .json)
        let bytes = try cell.bytes
        guard cell.type == .jsonb else {
            self.bytes = Array(bytes)
            return
        }
        guard bytes.first == 1 else { throw .value }
        self.bytes = Array(bytes.dropFirst())
    }
}
