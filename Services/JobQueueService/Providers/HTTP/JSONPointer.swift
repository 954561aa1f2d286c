import JSON

/// Names a place in a JSON value (RFC 6901): `/output/0/url`.
struct JSONPointer: Sendable {
    private let steps: [String]

    /// `nil` when the text is no pointer.
    init?(_ text: String) {
        guard text.isEmpty || text.hasPrefix("/") else { return nil }
        steps = text.split(separator: "/", omittingEmptySubsequences: false).dropFirst()
            .map { String($0).replacing("~1", with: "/").replacing("~0", with: "~") }
    }

    /// The value there; `nil` when there is none or it is `null`.
    func value(in root: JSONElement) -> JSONElement? {
        var value = root
        for step in steps {
            let next: JSONElement?
            if value.kind == .array {
                next = Int(step).flatMap { index in value.elements.enumerated().first { $0.offset == index }?.element }
            } else {
                next = value.value(step)
            }
            guard let next else { return nil }
            value = next
        }
        return value.isNull ? nil : value
    }

    /// The text there: of a string, or the digits of a whole number, as ids often are.
    func text(in root: JSONElement) -> String? {
        guard let value = value(in: root) else { return nil }
        return value.string ?? value.int.map { "\($0)" }
    }
}
