import JSON

/// What a PATCH says of a text that may be missing: nothing, a new value, or `null` to take it away.
struct TextChange: Sendable {
    /// Whether the PATCH names it.
    let isGiven: Bool
    /// The new value.
    let value: String?

    init(_ name: String, in body: JSONElement) {
        isGiven = body[name] != nil
        value = body.value(name)?.string
    }
}
