/// What tools are called on a wire: letters, digits, `_` and `-`, at most 64, where our own names may have dots,
/// slashes and more.
struct ToolNames: Sendable {
    private var wireNames: [String: String] = [:]
    private var ownNames: [String: String] = [:]

    /// The names of some tools. What is fit already keeps its name, whatever the others are called.
    init(_ tools: [String] = []) {
        for name in tools where ToolNames.isFit(name) { note(name, as: name) }
        for name in tools where wireNames[name] == nil {
            let fitted = ToolNames.fitted(name, atMost: 60)
            var candidate = fitted
            var number = 2
            while ownNames[candidate] != nil {
                candidate = "\(fitted)_\(number)"
                number += 1
            }
            note(name, as: candidate)
        }
    }

    private mutating func note(_ own: String, as wire: String) {
        wireNames[own] = wire
        ownNames[wire] = own
    }

    /// The name on the wire, also of tools that there no longer are.
    func wire(_ own: String) -> String { wireNames[own] ?? ToolNames.fitted(own, atMost: 64) }

    /// Our name of what the wire calls so.
    func own(_ wire: String) -> String { ownNames[wire] ?? wire }

    /// A text of allowed characters only, for names and ids.
    static func fitted(_ text: String, atMost limit: Int) -> String {
        let allowed = text.unicodeScalars.prefix(limit).map { isAllowed($0) ? Character($0) : "_" }
        return allowed.isEmpty ? "_" : String(allowed)
    }

    private static func isFit(_ name: String) -> Bool {
        !name.isEmpty && name.utf8.count <= 64 && name.unicodeScalars.allSatisfy(isAllowed)
    }

    private static func isAllowed(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar {
        case "a"..."z", "A"..."Z", "0"..."9", "_", "-": true
        default: false
        }
    }
}
