import Contracts
import JSON
import Kernel

/// How a value is kept: small ones in the row itself, others once per thread under their digest, arrays element by
/// element. So a list of messages that grows by one costs one message and not a copy of all.
///
/// The row has the value's *place*: `[value]` for one that is there itself, a number for the digest of that number, and
/// `{"l":[place…]}` for an array. In long arrays, runs of elements are kept together and have one place, `{"c":number}`.
/// Where a run ends the elements themselves decide, by their digests: so an array that grows, or loses its oldest, still has
/// the same runs, and its row grows with the number of runs only.
enum StoredValue {
    /// Values of up to so many bytes stay in the row: a digest would not be shorter by much.
    private static let smallest = 64
    /// Arrays of more elements have runs. One element in 32 ends a run.
    private static let longest = 64
    private static let ending: UInt64 = 31
    private static let run = (shortest: 4, bytes: 256 << 10)

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
                    var index = 0
                    for run in runs(of: elements) {
                        try write(elements[index..<run.lowerBound], at: pointer, &digests, &values, &json)
                        let whole = Array(elements[run].joined(separator: [UInt8(ascii: ",")]))
                        let number = try keep(whole, at: pointer, &digests, &values)
                        json.object { $0.member("c", number) }
                        index = run.upperBound
                    }
                    try write(elements[index...], at: pointer, &digests, &values, &json)
                }
            }
        }
        return RawJSON(json.bytes)
    }

    /// The runs of an array: from behind an element that ends a run to the next one that does.
    private static func runs(of elements: [[UInt8]]) -> [Range<Int>] {
        guard elements.count > longest else { return [] }
        let ends = elements.indices.filter { index in
            elements[index].count > smallest && UUID(digestOf: elements[index]).low & ending == 0
        }
        return zip(ends, ends.dropFirst()).map { $0 + 1..<$1 + 1 }
            .filter { range in
                range.count >= run.shortest && elements[range].reduce(0) { $0 + $1.count } <= run.bytes
            }
    }

    private static func write(
        _ elements: ArraySlice<[UInt8]>,
        at pointer: String,
        _ digests: inout DigestList,
        _ values: inout [UUID: [UInt8]],
        _ json: inout JSONWriter
    ) throws {
        for index in elements.indices {
            if elements[index].count <= smallest {
                json.array { $0.raw(elements[index]) }
            } else {
                json.value(try keep(elements[index], at: "\(pointer)/\(index)", &digests, &values))
            }
        }
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
            if let run = place["c"] {
                let number = digests.number(of: try digest(run, of: old))
                return json.object { $0.member("c", number) }
            }
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
            // The elements of a run have their commas.
            if let run = place["c"] { return try join(run, digests, values, to: &json) }
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
