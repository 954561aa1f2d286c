extension JSONElement {
    /// The JSON pointer of the first key that stands twice in its object, if any.
    func firstDuplicateKey() -> String? {
        switch kind {
        case .array:
            for (position, element) in elements.enumerated() where element.isContainer {
                if let pointer = element.firstDuplicateKey() { return "/\(position)\(pointer)" }
            }
        case .object:
            var seen: Set<ArraySlice<UInt8>> = []
            for name in members.map(\.nameBytes) where !seen.insert(name).inserted {
                return JSONPointer.appending(String(decoding: name, as: UTF8.self), to: "")
            }
            for member in members where member.value.isContainer {
                if let pointer = member.value.firstDuplicateKey() {
                    return JSONPointer.appending(member.name, to: "") + pointer
                }
            }
        default: break
        }
        return nil
    }

    private var isContainer: Bool { kind == .array || kind == .object }
}

/// JSON pointers (RFC 6901).
enum JSONPointer {
    static func appending(_ name: String, to pointer: String) -> String {
        guard name.utf8.contains(where: { $0 == UInt8(ascii: "~") || $0 == UInt8(ascii: "/") }) else {
            return "\(pointer)/\(name)"
        }
        return "\(pointer)/\(name.replacing("~", with: "~0").replacing("/", with: "~1"))"
    }
}
