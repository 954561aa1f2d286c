extension JSONSchema {
    /// Any value.
    public static let any = JSONSchema()

    /// `true` or `false`.
    public static let boolean = JSONSchema(types: [.boolean])

    /// Text of so many characters, matching `pattern` and `format`.
    public static func string(
        _ lengths: ClosedRange<Int> = 0...65_536,
        pattern: JSONPattern? = nil,
        format: JSONFormat? = nil
    ) -> JSONSchema {
        JSONSchema(
            types: [.string],
            minimumLength: lengths.lowerBound,
            maximumLength: lengths.upperBound,
            pattern: pattern,
            format: format
        )
    }

    /// A UUID as text.
    public static let uuid = JSONSchema.string(36...36, format: .uuid)

    /// An RFC 3339 time as text.
    public static let dateTime = JSONSchema.string(1...40, format: .dateTime)

    /// One of some words.
    public static func word(_ words: [String]) -> JSONSchema {
        JSONSchema(types: [.string], allowed: words.map { word in RawJSON(JSONWriter.bytes { $0.value(word) }) })
    }

    /// A whole number.
    public static func integer(_ range: ClosedRange<Int>) -> JSONSchema {
        JSONSchema(types: [.integer], minimum: Double(range.lowerBound), maximum: Double(range.upperBound))
    }

    /// A number.
    public static func number(_ range: ClosedRange<Double>) -> JSONSchema {
        JSONSchema(types: [.number], minimum: range.lowerBound, maximum: range.upperBound)
    }

    /// An array of so many elements.
    public static func array(of items: JSONSchema, _ counts: ClosedRange<Int> = 0...10_000) -> JSONSchema {
        JSONSchema(types: [.array], items: [items], minimumCount: counts.lowerBound, maximumCount: counts.upperBound)
    }

    /// An object with these properties and, unless said otherwise, no others.
    public static func object(
        _ properties: [Property],
        additional: AdditionalProperties = .forbidden
    ) -> JSONSchema {
        JSONSchema(types: [.object], properties: properties, additionalProperties: additional)
    }

    /// An object with any members.
    public static let anyObject = JSONSchema.object([], additional: .allowed)
}
