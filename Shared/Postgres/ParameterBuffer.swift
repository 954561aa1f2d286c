/// The bind parameters of a statement in Postgres' binary format: one run of bytes, with a type and a place each.
public struct ParameterBuffer: Sendable {
    struct Parameter: Sendable {
        let type: PostgresType
        let start: Int
        /// -1 stands for NULL.
        let length: Int
    }

    private(set) var bytes: [UInt8] = []
    private(set) var parameters: [Parameter] = []

    init() {}

    mutating func append(_ value: some PostgresEncodable) {
        let start = bytes.count
        let isNull = !value.encode(into: &self)
        parameters.append(
            Parameter(type: type(of: value).postgresType, start: start, length: isNull ? -1 : bytes.count - start)
        )
    }

    mutating func append(_ other: ParameterBuffer) {
        let shift = bytes.count
        bytes += other.bytes
        parameters.reserveCapacity(parameters.count + other.parameters.count)
        for parameter in other.parameters {
            parameters.append(
                Parameter(type: parameter.type, start: parameter.start + shift, length: parameter.length)
            )
        }
    }

    /// Appends a number in network order.
    public mutating func write<Number: FixedWidthInteger>(_ number: Number) {
        var shift = Number.bitWidth
        while shift > 0 {
            shift -= 8
            bytes.append(UInt8(truncatingIfNeeded: number >> Number(truncatingIfNeeded: shift)))
        }
    }

    /// Appends bytes as they are.
    public mutating func write(_ more: some Sequence<UInt8>) { bytes.append(contentsOf: more) }

    /// Appends an array's elements, each preceded by its length, after the header that says what they are.
    mutating func writeArray<Element: PostgresArrayElement>(_ elements: [Element]) {
        write(Int32(elements.isEmpty ? 0 : 1))
        let flags = bytes.count
        write(Int32(0))
        write(Element.postgresType.rawValue)
        if elements.isEmpty { return }
        write(Int32(truncatingIfNeeded: elements.count))
        write(Int32(1))
        for element in elements {
            let place = bytes.count
            write(Int32(0))
            if element.encode(into: &self) {
                patch(Int32(truncatingIfNeeded: bytes.count - place - 4), at: place)
            } else {
                patch(-1, at: place)
                patch(1, at: flags)
            }
        }
    }

    private mutating func patch(_ number: Int32, at place: Int) {
        for index in 0..<4 {
            bytes[place + index] = UInt8(truncatingIfNeeded: number >> Int32(24 - index * 8))
        }
    }
}
