public import Kernel

/// A value in a message's headers or in the arguments of a queue.
public indirect enum FieldValue: Sendable, Hashable {
    case bool(Bool)
    /// Any integer of the protocol; one above `Int64.max` arrives clamped.
    case int(Int64)
    case double(Double)
    case string(String)
    /// Bytes, also a string of another client that is not UTF-8.
    case bytes([UInt8])
    /// Whole seconds; the protocol has no finer time.
    case timestamp(Timestamp)
    case array([FieldValue])
    case table([String: FieldValue])
    case null
}

extension FieldValue: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral, ExpressibleByBooleanLiteral {
    /// A string.
    public init(stringLiteral value: String) { self = .string(value) }
    /// An integer.
    public init(integerLiteral value: Int64) { self = .int(value) }
    /// A boolean.
    public init(booleanLiteral value: Bool) { self = .bool(value) }
}

extension FieldValue {
    /// The text of a string; `nil` for every other kind.
    public var text: String? {
        guard case .string(let text) = self else { return nil }
        return text
    }

    /// The number of an integer; `nil` for every other kind.
    public var int: Int64? {
        guard case .int(let number) = self else { return nil }
        return number
    }

    /// An upper bound of the bytes this takes in a frame.
    var encodedSize: Int {
        switch self {
        case .bool, .null: 2
        case .int, .double, .timestamp: 9
        case .string(let text): 5 + text.utf8.count
        case .bytes(let bytes): 5 + bytes.count
        case .array(let values): values.reduce(5) { $0 + $1.encodedSize }
        case .table(let fields): Self.encodedSize(of: fields)
        }
    }

    static func encodedSize(of fields: [String: FieldValue]) -> Int {
        fields.reduce(5) { $0 + 1 + $1.key.utf8.count + $1.value.encodedSize }
    }

    /// Whether every table's names fit the protocol's 255 bytes.
    static func hasValidNames(_ fields: [String: FieldValue]) -> Bool {
        fields.allSatisfy { name, value in name.utf8.count <= 255 && value.hasValidNames }
    }

    private var hasValidNames: Bool {
        switch self {
        case .table(let fields): Self.hasValidNames(fields)
        case .array(let values): values.allSatisfy(\.hasValidNames)
        default: true
        }
    }
}
