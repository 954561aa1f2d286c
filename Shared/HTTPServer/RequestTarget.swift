/// A request's target, taken apart: the raw path and the decoded query.
struct RequestTarget {
    /// Why a target cannot be used.
    struct Malformed: Error {
        let reason: String
    }

    /// Where the target and its path are in the bytes that it was made from.
    let whole: Range<Int>
    let path: Range<Int>
    let query: [(name: String, value: String)]

    /// Accepts the origin form, the absolute form (whose host is not looked at) and `*` (RFC 9112 §3.2).
    init(_ bytes: [UInt8], _ range: Range<Int>) throws(Malformed) {
        whole = range
        var start = range.lowerBound
        if range.isEmpty || (bytes[start] != UInt8(ascii: "/") && !bytes[range].elementsEqual("*".utf8)) {
            guard let found = RequestTarget.startOfPath(bytes[range]) else {
                throw Malformed(reason: "malformed target")
            }
            start = found
        }
        var end = range.upperBound
        for index in start..<range.upperBound {
            if bytes[index] == UInt8(ascii: "#") { throw Malformed(reason: "fragment in the target") }
            if bytes[index] == UInt8(ascii: "?") { end = min(end, index) }
        }
        path = start..<end
        query = end == range.upperBound ? [] : try RequestTarget.pairs(bytes[(end + 1)..<range.upperBound])
    }

    /// Takes what cannot be understood for a path.
    init(lenient bytes: [UInt8], _ range: Range<Int>) {
        do {
            self = try RequestTarget(bytes, range)
        } catch {
            whole = range
            path = range
            query = []
        }
    }

    /// The index after `http://authority`, where a path must follow.
    private static func startOfPath(_ bytes: ArraySlice<UInt8>) -> Int? {
        for scheme in ["http://", "https://"] where bytes.starts(with: scheme.utf8) {
            return bytes.dropFirst(scheme.utf8.count).firstIndex(of: UInt8(ascii: "/"))
        }
        return nil
    }

    private static func pairs(_ bytes: ArraySlice<UInt8>) throws(Malformed) -> [(name: String, value: String)] {
        var pairs: [(name: String, value: String)] = []
        for part in bytes.split(separator: UInt8(ascii: "&")) {
            let equals = part.firstIndex(of: UInt8(ascii: "=")) ?? part.endIndex
            guard let name = PercentEncoding.decode(part[..<equals], plusIsSpace: true),
                let value = PercentEncoding.decode(part[equals...].dropFirst(), plusIsSpace: true)
            else { throw Malformed(reason: "malformed escape in the query") }
            pairs.append((name, value))
        }
        return pairs
    }
}
