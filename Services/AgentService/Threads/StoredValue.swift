import Contracts
import JSON
import Kernel

/// How a value is kept: small ones in the row itself, others once per thread under their digest, arrays element by
/// element. So a list of messages that grows by one costs one message and not a copy of all.
///
/// The row has the value's *place*: `[value]` for one that is there itself, a number for the digest of that number, and
/// `{"l":[place…]}` for an array.
enum StoredValue {
    /// Values of up to so many bytes stay in the row: a digest would not be shorter by much.
    private static let smallest = 64

    /// Takes a value apart. What is kept elsewhere is added to `values`, by digest, and to the row's `digests`.
    ///
    /// - Throws: `VALIDATION_FAILED` for one that is too large.
    static func split(
        _ value: JSONElement,
        at pointer: String,
        _ digests: inout DigestList,
        _ values: inout [UUID: [UInt8]]
    ) throws -> RawJSON {
        let elements = value.elements.map(\.raw.bytes)
        guard elements.contains(where: { $0.count > smallest }) else {
            let whole = value.raw.bytes
            guard whole.count > smallest else { return RawJSON([UInt8(ascii: "[")] + whole + [UInt8(ascii: "]")]) }
            return try keep(whole, at: pointer, &digests, &values)
        }
        guard elements.count <= ThreadBounds.elements else {
            throw ServiceError.invalid(pointer, "must have at most \(ThreadBounds.elements) elements")
        }
        var json = JSONWriter(capacity: elements.count * 4 + 16)
        try json.object { json in
            try json.member("l") { json in
                try json.array { json in
                    for (index, element) in elements.enumerated() {
                        if element.count <= smallest {
                            json.array { $0.raw(element) }
                        } else {
                            json.value(try keep(element, at: "\(pointer)/\(index)", &digests, &values))
                        }
                    }
                }
            }
        }
        return RawJSON(json.bytes)
    }

    private static func keep(
        _ bytes: [UInt8],
        at pointer: String,
        _ digests: inout DigestList,
        _ values: inout [UUID: [UInt8]]
    ) throws -> RawJSON {
        guard bytes.count <= ThreadBounds.valueBytes else {
            throw ServiceError.invalid(pointer, "must have at most \(ThreadBounds.valueBytes) bytes")
        }
        let digest = UUID(digestOf: bytes)
        values[digest] = bytes
        return RawJSON(digests.number(of: digest).description)
    }

    /// Writes the same place for a row with other digests.
    static func move(
        _ place: JSONElement,
        from old: [UUID],
        to digests: inout DigestList,
        _ json: inout JSONWriter
    ) throws {
        switch place.kind {
        case .integer: json.value(digests.number(of: try digest(place, of: old)))
        case .array: json.value(place)
        case .object:
            try json.object { json in
                try json.member("l") { json in
                    try json.array { json in
                        for element in place.listed { try move(element, from: old, to: &digests, &json) }
                    }
                }
            }
        case .null, .boolean, .number, .string: throw Missing()
        }
    }

    /// Writes the value that is at a place.
    static func join(
        _ place: JSONElement,
        _ digests: [UUID],
        _ values: [UUID: [UInt8]],
        to json: inout JSONWriter
    ) throws {
        switch place.kind {
        case .integer:
            guard let bytes = values[try digest(place, of: digests)] else { throw Missing() }
            json.raw(bytes)
        case .array: for value in place.elements { json.value(value) }
        case .object:
            try json.array { json in for element in place.listed { try join(element, digests, values, to: &json) } }
        case .null, .boolean, .number, .string: throw Missing()
        }
    }

    private static func digest(_ place: JSONElement, of digests: [UUID]) throws -> UUID {
        guard let number = place.int, digests.indices.contains(number) else { throw Missing() }
        return digests[number]
    }

    /// A row names a value that is not there: a fault of ours.
    struct Missing: Error {}
}

extension JSONElement {
    /// The places of a list's elements.
    fileprivate var listed: JSONElement.Elements { (self["l"] ?? .null).elements }
}
