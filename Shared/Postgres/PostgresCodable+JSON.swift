public import JSON

/// JSON as bytes, stored and passed on without being parsed.
extension RawJSON: PostgresArrayElement, PostgresDecodable {
    /// `json`
    public static var postgresType: PostgresType { .json }
    /// `json[]`
    public static var postgresArrayType: PostgresType { .jsonArray }

    /// Writes the text; Postgres refuses it if it is not JSON.
    public func encode(into buffer: inout ParameterBuffer) -> Bool {
        buffer.write(bytes)
        return true
    }

    /// Reads `json` and `jsonb`.
    public init(cell: Cell) throws(CellError) {
        try cell.require(.jsonb, .json)
        let bytes = try cell.bytes
        guard cell.type == .jsonb else {
            self.init(Array(bytes))
            return
        }
        // The binary form of jsonb begins with its version.
        guard bytes.first == 1 else { throw .value }
        self.init(Array(bytes.dropFirst()))
    }
}
