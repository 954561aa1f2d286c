import HTTPServer

/// From which pages a browser may open a WebSocket. Programs that are no browser send no origin, and are not concerned.
struct OriginList: Sendable {
    enum Rule: Sendable, Equatable {
        case any
        /// The page comes from the host that it connects to.
        case sameHost
        case only(Set<String>)
    }

    let rule: Rule

    /// Reads `https://app.example.com,https://other.example.com`, or `*`. `nil` when something in it is no origin.
    init?(_ text: String) {
        let parts = text.split(separator: ",").map { $0.drop { $0 == " " }.lowercased() }
        if parts == ["*"] {
            rule = .any
            return
        }
        for part in parts {
            guard let scheme = part.firstRange(of: "://"), part[..<scheme.lowerBound].allSatisfy(\.isLetter),
                !part[scheme.upperBound...].isEmpty,
                !part[scheme.upperBound...].contains(where: { "/*? ".contains($0) })
            else { return nil }
        }
        rule = parts.isEmpty ? .sameHost : .only(Set(parts))
    }

    init(_ rule: Rule) { self.rule = rule }

    /// Whether a handshake may come from where it says.
    func allows(_ request: Request) -> Bool { allows(origin: request.headers["Origin"], host: request.headers["Host"]) }

    func allows(origin: String?, host: String?) -> Bool {
        guard let origin = origin?.lowercased() else { return true }
        return switch rule {
        case .any: true
        case .only(let origins): origins.contains(origin)
        case .sameHost:
            // `null` is what a page without an origin says.
            origin.firstRange(of: "://").map { origin[$0.upperBound...] == (host?.lowercased() ?? "")[...] } ?? false
        }
    }
}
