/// What a statement answered: its rows, copied out of libpq, and how many rows it affected.
public struct Rows: Sendable, RandomAccessCollection {
    private let buffer: ResultBuffer
    private let columns: Columns
    /// Start and length of each cell, row by row.
    private let cells: [CellPlace]
    /// The number of rows.
    public let count: Int
    /// How many rows an INSERT, UPDATE, DELETE or MERGE wrote, or a SELECT returned.
    public let affectedRows: Int
    /// The statement's kind as the server says it: `SELECT`, `COMMIT`, `ROLLBACK`.
    let command: String

    struct CellPlace: Sendable {
        let start: Int
        let length: Int32
    }

    init(
        buffer: ResultBuffer,
        columns: Columns,
        cells: [CellPlace],
        count: Int,
        affectedRows: Int,
        command: String
    ) {
        self.buffer = buffer
        self.columns = columns
        self.cells = cells
        self.count = count
        self.affectedRows = affectedRows
        self.command = command
    }

    /// Always 0.
    public var startIndex: Int { 0 }
    /// The number of rows.
    public var endIndex: Int { count }
    /// The row at `position`.
    public subscript(position: Int) -> Row {
        precondition(position >= 0 && position < count, "row \(position) of \(count)")
        return Row(rows: self, index: position)
    }

    var columnCount: Int { columns.types.count }

    func cell(row: Int, column: Int) -> Cell {
        let place = cells[row * columns.types.count + column]
        return Cell(type: columns.types[column], buffer: buffer, start: place.start, length: Int(place.length))
    }

    func column(named name: String) -> Int? { columns.names.firstIndex(of: name) }
    func name(ofColumn column: Int) -> String { columns.names[column] }
}

/// The names and types of a result's columns; kept with a prepared statement, whose columns cannot change.
final class Columns: Sendable {
    let names: [String]
    let types: [PostgresType]

    init(names: [String], types: [PostgresType]) {
        self.names = names
        self.types = types
    }

    static let none = Columns(names: [], types: [])
}
