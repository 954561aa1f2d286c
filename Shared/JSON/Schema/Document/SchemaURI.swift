/// A URI reference, as far as schemas name one another by it: RFC 3986 without looking into authorities.
struct SchemaURI: Sendable {
    /// With the colon behind it.
    private var scheme = ""
    /// With the slashes before it.
    private var authority = ""
    private var path = ""
    /// With the question mark before it.
    private var query = ""
    /// `nil` for none, which is not the same as an empty one only here.
    private(set) var fragment: String?

    init(_ text: String) {
        var rest = Substring(text)
        if let hash = rest.firstIndex(of: "#") {
            fragment = String(rest[rest.index(after: hash)...])
            rest = rest[..<hash]
        }
        if let mark = rest.firstIndex(of: "?") {
            query = String(rest[mark...])
            rest = rest[..<mark]
        }
        if let end = rest.firstIndex(where: { ":/".contains($0) }), rest[end] == ":", end != rest.startIndex {
            scheme = String(rest[...end])
            rest = rest[rest.index(after: end)...]
        }
        if rest.hasPrefix("//") {
            let end = rest.dropFirst(2).firstIndex(of: "/") ?? rest.endIndex
            authority = String(rest[..<end])
            rest = rest[end...]
        }
        path = String(rest)
    }

    /// The whole of it without the fragment.
    var resource: String { scheme + authority + path + query }

    /// What this reference means where `base` is the base.
    func resolved(against base: SchemaURI) -> SchemaURI {
        guard scheme.isEmpty else { return self }
        var result = self
        result.scheme = base.scheme
        guard authority.isEmpty else { return result }
        result.authority = base.authority
        if path.isEmpty {
            result.path = base.path
            if query.isEmpty { result.query = base.query }
        } else if !path.hasPrefix("/") {
            let folder = base.path.lastIndex(of: "/").map { base.path[...$0] } ?? (base.authority.isEmpty ? "" : "/")
            result.path = SchemaURI.withoutDots(folder + path)
        } else {
            result.path = SchemaURI.withoutDots(path)
        }
        return result
    }

    private static func withoutDots(_ path: String) -> String {
        var parts: [Substring] = []
        let all = path.split(separator: "/", omittingEmptySubsequences: false)
        for (index, part) in all.enumerated() {
            let isLast = index == all.count - 1
            switch part {
            case ".": if isLast { parts.append("") }
            case "..":
                if parts.count > 1 { parts.removeLast() }
                if isLast { parts.append("") }
            default: parts.append(part)
            }
        }
        return parts.joined(separator: "/")
    }

    /// A fragment as text: `%25` is `%`. `nil` when that is no UTF-8.
    static func decoded(_ fragment: String) -> String? {
        var bytes: [UInt8] = []
        var rest = Array(fragment.utf8)[...]
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "%") else {
                bytes.append(byte)
                continue
            }
            guard let value = UInt8(String(decoding: rest.prefix(2), as: UTF8.self), radix: 16), rest.count >= 2 else {
                return nil
            }
            bytes.append(value)
            rest = rest.dropFirst(2)
        }
        return String(validating: bytes, as: UTF8.self)
    }
}
