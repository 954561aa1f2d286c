/// One column of one row: its type and a view of its bytes in the result's buffer.
public struct Cell: Sendable {
    /// The column's type.
    public let type: PostgresType
    private let buffer: ResultBuffer
    private let start: Int
    /// How many bytes the value has; -1 for NULL.
    private let length: Int

    init(type: PostgresType, buffer: ResultBuffer, start: Int, length: Int) {
        self.type = type
        self.buffer = buffer
        self.start = start
        self.length = length
    }

    /// Whether the value is NULL.
    public var isNull: Bool { length < 0 }

    /// The value's bytes.
    public var bytes: ArraySlice<UInt8> {
        get throws(CellError) {
            if isNull { throw .null }
            return buffer.bytes[start..<start + length]
        }
    }

    /// The value as a number in network order, when it has exactly that many bytes.
    public func integer<Number: FixedWidthInteger>(_: Number.Type = Number.self) throws(CellError) -> Number {
        guard length == Number.bitWidth / 8 else { throw isNull ? .null : .value }
        return buffer.integer(at: start)
    }

    /// Refuses a column of another type.
    func require(_ types: PostgresType...) throws(CellError) {
        if isNull { throw .null }
        guard types.contains(type) else { throw .type(type) }
    }

    /// Gives each element of an array as a cell of its own; arrays of more than one dimension are refused.
    func forEachElement(_ body: (Cell) throws(CellError) -> Void) throws(CellError) {
        if isNull { throw .null }
        guard length >= 12 else { throw .type(type) }
        let dimensions: Int32 = buffer.integer(at: start)
        let elementType = PostgresType(rawValue: buffer.integer(at: start + 8))
        if dimensions == 0 { return }
        guard dimensions == 1, length >= 20 else { throw .value }
        var place = start + 20
        for _ in 0..<(buffer.integer(at: start + 12) as Int32) {
            guard place + 4 <= start + length else { throw .value }
            let size = Int(buffer.integer(at: place) as Int32)
            place += 4
            guard place + max(0, size) <= start + length else { throw .value }
            try body(Cell(type: elementType, buffer: buffer, start: place, length: size))
            place += max(0, size)
        }
    }
}

/// The copied bytes of a whole result; immutable once made, shared by its rows.
final class ResultBuffer: Sendable {
    let bytes: [UInt8]

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    func integer<Number: FixedWidthInteger>(at start: Int) -> Number {
        var number: Number = 0
        for index in start..<start + Number.bitWidth / 8 {
            number = number &<< 8 | Number(truncatingIfNeeded: bytes[index])
        }
        return number
    }
}
