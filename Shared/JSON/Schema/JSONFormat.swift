import Kernel

/// The formats of strings that are checked.
public enum JSONFormat: String, Sendable, CaseIterable {
    case uuid
    case dateTime = "date-time"
    case uri

    func accepts(_ text: String) -> Bool {
        switch self {
        case .uuid: UUID(text) != nil
        case .dateTime: Timestamp(text) != nil
        case .uri: JSONFormat.isURI(text)
        }
    }

    /// An absolute URI: a scheme, a colon, and only characters that RFC 3986 allows.
    private static func isURI(_ text: String) -> Bool {
        guard let colon = text.utf8.firstIndex(of: UInt8(ascii: ":")), colon != text.utf8.startIndex else {
            return false
        }
        let scheme = text.utf8[..<colon]
        guard let first = scheme.first, isLetter(first),
            scheme.allSatisfy({ isLetter($0) || isDigit($0) || "+-.".utf8.contains($0) })
        else { return false }
        let rest = text.utf8[colon...].dropFirst()
        return !rest.isEmpty
            && rest.allSatisfy { isLetter($0) || isDigit($0) || "-._~:/?#[]@!$&'()*+,;=%".utf8.contains($0) }
    }

    private static func isLetter(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20)
    }

    private static func isDigit(_ byte: UInt8) -> Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) }
}
