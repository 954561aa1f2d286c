/// The little of content negotiation that a JSON interface needs.
package enum MediaType {
    /// Whether a `Content-Type` says JSON in UTF-8.
    package static func isJSON(_ header: String?) -> Bool {
        guard let header else { return false }
        let parts = header.split(separator: ";").map { $0.trimming().lowercased() }
        guard let type = parts.first,
            type == "application/json" || type.hasPrefix("application/") && type.hasSuffix("+json")
        else { return false }
        return parts.dropFirst()
            .allSatisfy { !$0.hasPrefix("charset=") || $0 == "charset=utf-8" || $0 == "charset=\"utf-8\"" }
    }

    /// Whether an `Accept` header admits a type.
    package static func accepts(_ header: String, _ type: String) -> Bool {
        let family = type.split(separator: "/").first ?? ""
        return header.split(separator: ",")
            .contains { range in
                let parts = range.split(separator: ";").map { $0.trimming().lowercased() }
                let refused = parts.dropFirst().contains { $0.hasPrefix("q=0") && Double($0.dropFirst(2)) == 0 }
                guard let wanted = parts.first, !refused else { return false }
                return wanted == "*/*" || wanted == type || wanted == "\(family)/*"
            }
    }
}

extension Substring {
    fileprivate func trimming() -> Substring {
        var text = self
        while let first = text.first, first == " " || first == "\t" { text.removeFirst() }
        while let last = text.last, last == " " || last == "\t" { text.removeLast() }
        return text
    }
}
