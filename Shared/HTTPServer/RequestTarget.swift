/// A request's target, taken apart: the raw path and the decoded query.
struct RequestTarget {
    /// Why a target cannot be used.
    struct Malformed: Error {
        let reason: String
    }

    let text: ArraySlice<UInt8>
    let path: ArraySlice<UInt8>
    let query: [(name: String, value: String)]

    /// Accepts the origin form, the absolute form (whose host is not looked at) and `*` (RFC 9112 §3.2).
    init(_ bytes: ArraySlice<UInt8>) throws(Malformed) {
        text = bytes
        var rest = bytes
        if rest.first != UInt8(ascii: "/") && !rest.elementsEqual("*".utf8) {
            guard let start = RequestTarget.startOfPath(rest) else { throw Malformed(reason: "malformed target") }
            rest = rest[start...]
        }
        guard !rest.contains(UInt8(ascii: "#")) else { throw Malformed(reason: "fragment in the target") }
        guard let mark = rest.firstIndex(of: UInt8(ascii: "?")) else {
            path = rest
            query = []
            return
        }
        path = rest[..<mark]
        query = try RequestTarget.pairs(rest[(mark + 1)...])
    }

    /// Takes what cannot be understood for a path.
    init(lenient bytes: ArraySlice<UInt8>) {
        do {
            self = try RequestTarget(bytes)
        } catch {
            text = bytes
            path = bytes
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
