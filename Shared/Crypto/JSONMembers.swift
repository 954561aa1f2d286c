/// Finds members that occur twice in an object. Parsers differ in which one they take, and a token must not mean
/// different things to different readers (RFC 7515 §4, RFC 8725 §2.4).
enum JSONMembers {
    /// Whether some object in the valid JSON text `bytes`, at any depth, has two members of one name. Names written
    /// with escapes count as repeated: honest issuers have no use for them.
    static func repeats(in bytes: [UInt8]) -> Bool {
        var names: [Set<ArraySlice<UInt8>>] = []
        var index = 0
        while index < bytes.count {
            switch bytes[index] {
            case UInt8(ascii: "{"):
                names.append([])
                index += 1
            case UInt8(ascii: "}"):
                if names.popLast() == nil { return true }
                index += 1
            case UInt8(ascii: "\""):
                let (text, isEscaped, end) = string(in: bytes, from: index + 1)
                index = end
                guard isName(in: bytes, endingAt: end), let last = names.indices.last else { continue }
                if isEscaped || !names[last].insert(text).inserted { return true }
            default:
                index += 1
            }
        }
        return false
    }

    /// The text up to the closing quote, and the place after that.
    private static func string(in bytes: [UInt8], from start: Int) -> (ArraySlice<UInt8>, isEscaped: Bool, end: Int) {
        var index = start
        var isEscaped = false
        while index < bytes.count, bytes[index] != UInt8(ascii: "\"") {
            if bytes[index] == UInt8(ascii: "\\") {
                isEscaped = true
                index += 1
            }
            index += 1
        }
        let end = min(index, bytes.count)
        return (bytes[start..<end], isEscaped, end + 1)
    }

    /// A string is a member's name when a colon follows.
    private static func isName(in bytes: [UInt8], endingAt end: Int) -> Bool {
        let blanks: [UInt8] = [0x20, 0x09, 0x0A, 0x0D]
        return bytes.indices.contains(end) && bytes[end...].first { !blanks.contains($0) } == UInt8(ascii: ":")
    }
}
