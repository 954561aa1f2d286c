/// A value that can be read from a column.
///
/// An enum with raw values needs only the conformance: `enum JobState: String, PostgresDecodable { … }`.
public protocol PostgresDecodable: Sendable {
    /// Reads the cell, whose type is the column's; throws `CellError` when it holds something else.
    init(cell: Cell) throws(CellError)
    /// Reads a cell that holds an array of this.
    static func decode(array cell: Cell) throws(CellError) -> [Self]
}

/// Why a cell could not be read. Shows types, never values.
public enum CellError: Error, Hashable, Sendable {
    /// The cell is NULL and the wanted type is not optional.
    case null
    /// A column of this type does not hold what is wanted.
    case type(PostgresType)
    /// The bytes are not a value of the wanted type, or the value does not fit.
    case value
}

extension PostgresDecodable {
    /// Reads a one-dimensional array.
    public static func decode(array cell: Cell) throws(CellError) -> [Self] {
        var elements: [Self] = []
        try cell.forEachElement { (element: Cell) throws(CellError) in elements.append(try Self(cell: element)) }
        return elements
    }
}

extension PostgresDecodable where Self: RawRepresentable, RawValue: PostgresDecodable {
    /// Reads the raw value; an unknown one is refused.
    public init(cell: Cell) throws(CellError) {
        guard let value = Self(rawValue: try RawValue(cell: cell)) else { throw .value }
        self = value
    }
}

extension Optional: PostgresDecodable where Wrapped: PostgresDecodable {
    /// Reads the value, or `nil` for NULL.
    public init(cell: Cell) throws(CellError) {
        self = cell.isNull ? nil : try Wrapped(cell: cell)
    }
}

extension Array: PostgresDecodable where Element: PostgresDecodable {
    /// Reads an array; `[UInt8]` reads `bytea`.
    public init(cell: Cell) throws(CellError) { self = try Element.decode(array: cell) }
}
