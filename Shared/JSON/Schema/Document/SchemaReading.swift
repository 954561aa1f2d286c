/// Values of keywords, read as what they must be.
enum SchemaReading {
    /// Keywords that say nothing of values by themselves.
    static let annotations: Set<String> = [
        "$schema", "$id", "$anchor", "$dynamicAnchor", "$defs", "definitions", "$comment", "title", "description",
        "default", "examples", "deprecated", "readOnly", "writeOnly", "contentEncoding", "contentMediaType",
        "contentSchema", "then", "else", "minContains", "maxContains",
    ]

    static func types(_ value: JSONElement) throws(JSONSchemaError) -> [JSONSchema.ValueType] {
        let names = value.string.map { [$0] } ?? value.elements.compactMap(\.string)
        let types = names.compactMap(JSONSchema.ValueType.init(rawValue:))
        guard !types.isEmpty, types.count == names.count else {
            throw JSONSchemaError(message: "must be a type or an array of types")
        }
        return types
    }

    static func text(_ value: JSONElement) throws(JSONSchemaError) -> String {
        guard let text = value.string else { throw JSONSchemaError(message: "must be a string") }
        return text
    }

    static func texts(_ value: JSONElement) throws(JSONSchemaError) -> [String] {
        guard value.kind == .array else { throw JSONSchemaError(message: "must be an array of strings") }
        return try value.elements.map(text)
    }

    static func natural(_ value: JSONElement) throws(JSONSchemaError) -> Int {
        guard let number = value.int, number >= 0 else {
            throw JSONSchemaError(message: "must be a whole number that is not negative")
        }
        return number
    }

    static func number(_ value: JSONElement) throws(JSONSchemaError) -> SchemaNumber {
        guard let number = SchemaNumber(value) else { throw JSONSchemaError(message: "must be a number") }
        return number
    }

    static func flag(_ value: JSONElement) throws(JSONSchemaError) -> Bool {
        guard let flag = value.bool else { throw JSONSchemaError(message: "must be true or false") }
        return flag
    }
}
