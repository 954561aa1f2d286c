/// One row of a result.
public struct Row: Sendable {
    private let rows: Rows
    private let index: Int

    init(rows: Rows, index: Int) {
        self.rows = rows
        self.index = index
    }

    /// The number of columns.
    public var count: Int { rows.columnCount }

    /// Reads the column at position `column`, counted from 0.
    ///
    /// - Throws: `PostgresError` of kind `.decoding`, which names the column and the types, never the value.
    public func decode<Value: PostgresDecodable>(_ column: Int, as _: Value.Type = Value.self) throws -> Value {
        guard column >= 0, column < count else { throw PostgresError.decoding("there is no column \(column)") }
        do throws(CellError) {
            return try Value(cell: rows.cell(row: index, column: column))
        } catch {
            throw PostgresError.decoding(error, column: rows.name(ofColumn: column), as: Value.self)
        }
    }

    /// Reads the first column called `name`; slower than by position.
    public func decode<Value: PostgresDecodable>(_ name: String, as _: Value.Type = Value.self) throws -> Value {
        guard let column = rows.column(named: name) else {
            throw PostgresError.decoding("there is no column \(name)")
        }
        return try decode(column)
    }

    /// A reader that starts at the first column.
    public var reader: RowReader { RowReader(self) }
}

/// Reads a row's columns from left to right: `let id: JobID = try reader.next()`.
public struct RowReader {
    private let row: Row
    private var column = 0

    init(_ row: Row) { self.row = row }

    /// Reads the next column.
    public mutating func next<Value: PostgresDecodable>(_: Value.Type = Value.self) throws -> Value {
        defer { column += 1 }
        return try row.decode(column)
    }
}
