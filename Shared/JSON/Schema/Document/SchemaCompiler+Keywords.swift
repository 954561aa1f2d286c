extension SchemaCompiler {
    /// A keyword of a schema as it is applied; `nil` for one that says nothing of values, or is said by another one.
    mutating func keyword(_ name: String, _ value: JSONElement, in schema: JSONElement) throws(JSONSchemaError)
        -> SchemaKeyword?
    {
        switch name {
        case "type": return .types(try SchemaReading.types(value))
        case "enum":
            guard value.kind == .array else { throw JSONSchemaError(message: "must be an array") }
            return .values(
                Set(value.elements.map(\.canonical)),
                shown: value.elements.map(\.text).joined(separator: ", ")
            )
        case "const": return .values([value.canonical], shown: value.text)
        case "minimum": return .minimum(try SchemaReading.number(value))
        case "maximum": return .maximum(try SchemaReading.number(value))
        case "exclusiveMinimum": return .above(try SchemaReading.number(value))
        case "exclusiveMaximum": return .below(try SchemaReading.number(value))
        case "multipleOf":
            let number = try SchemaReading.number(value)
            guard number.isPositive else { throw JSONSchemaError(message: "must be greater than 0") }
            return .multiple(number)
        case "minLength": return .minimumLength(try SchemaReading.natural(value))
        case "maxLength": return .maximumLength(try SchemaReading.natural(value))
        case "pattern": return .pattern(try JSONPattern(SchemaReading.text(value)))
        case "format":
            let name = try SchemaReading.text(value)
            guard isStrict else { return nil }
            guard let format = JSONFormat(rawValue: name) else {
                let known = JSONFormat.allCases.map(\.rawValue).joined(separator: ", ")
                throw JSONSchemaError(message: "must be one of \(known)")
            }
            return .format(format)
        case "minItems": return .minimumCount(try SchemaReading.natural(value))
        case "maxItems": return .maximumCount(try SchemaReading.natural(value))
        case "uniqueItems": return try SchemaReading.flag(value) ? .unique : nil
        case "minProperties": return .minimumMembers(try SchemaReading.natural(value))
        case "maxProperties": return .maximumMembers(try SchemaReading.natural(value))
        case "required": return .required(try SchemaReading.texts(value))
        case "dependentRequired":
            var dependencies: [(name: String, others: [String])] = []
            for member in value.members { dependencies.append((member.name, try SchemaReading.texts(member.value))) }
            return .dependentRequired(dependencies)
        default: return try applicator(name, value, in: schema)
        }
    }

    /// A keyword that applies other schemas.
    private mutating func applicator(_ name: String, _ value: JSONElement, in schema: JSONElement)
        throws(JSONSchemaError) -> SchemaKeyword?
    {
        switch name {
        case "$ref": return .reference(number(of: try target(of: SchemaReading.text(value), in: schema)))
        case "$dynamicRef": return try dynamicReference(SchemaReading.text(value), in: schema)
        case "allOf": return .all(try list(value))
        case "anyOf": return .any(try list(value))
        case "oneOf": return .one(try list(value))
        case "not": return .not(number(of: value))
        case "if":
            return .condition(number(of: value), then: optional("then", schema), otherwise: optional("else", schema))
        case "dependentSchemas":
            return .dependentSchemas(value.members.map { ($0.name, number(of: $0.value)) })
        case "properties", "patternProperties", "additionalProperties":
            return try isFirst(name, of: ["properties", "patternProperties", "additionalProperties"], in: schema)
                ? members(of: schema) : nil
        case "propertyNames": return .names(number(of: value))
        case "prefixItems", "items":
            guard isFirst(name, of: ["prefixItems", "items"], in: schema) else { return nil }
            var first: [Int] = []
            if let schemas = schema["prefixItems"] { first = try list(schemas) }
            return .elements(first: first, rest: optional("items", schema))
        case "contains":
            var (least, most) = (1, Int.max)
            if let bound = schema["minContains"] { least = try SchemaReading.natural(bound) }
            if let bound = schema["maxContains"] { most = try SchemaReading.natural(bound) }
            return .contains(number(of: value), least: least, most: most)
        case "unevaluatedProperties": return .unevaluatedMembers(number(of: value))
        case "unevaluatedItems": return .unevaluatedElements(number(of: value))
        default:
            guard !isStrict || SchemaReading.annotations.contains(name) else {
                throw JSONSchemaError(message: "is not a known keyword")
            }
            return nil
        }
    }

    private mutating func members(of schema: JSONElement) throws(JSONSchemaError) -> SchemaKeyword {
        var named: [String: Int] = [:]
        for member in schema["properties"]?.members.map({ $0 }) ?? [] { named[member.name] = number(of: member.value) }
        var matching: [(JSONPattern, Int)] = []
        for member in schema["patternProperties"]?.members.map({ $0 }) ?? [] {
            matching.append((try JSONPattern(member.name), number(of: member.value)))
        }
        return .members(named: named, matching: matching, others: optional("additionalProperties", schema))
    }

    /// A dynamic reference is an ordinary one unless it leads to a dynamic anchor by its name.
    private mutating func dynamicReference(_ text: String, in schema: JSONElement) throws(JSONSchemaError)
        -> SchemaKeyword
    {
        let target = try self.target(of: text, in: schema)
        let name = SchemaURI(text).fragment ?? ""
        let number = number(of: target)
        return isDynamicAnchor(target, name) ? .dynamicReference(number, name: name) : .reference(number)
    }

    /// Of keywords that are applied together, the first one written stands for all.
    private func isFirst(_ name: String, of names: [String], in schema: JSONElement) -> Bool {
        schema.members.first { names.contains($0.name) }?.name == name
    }

    private mutating func optional(_ name: String, _ schema: JSONElement) -> Int? {
        schema[name].map { number(of: $0) }
    }

    private mutating func list(_ value: JSONElement) throws(JSONSchemaError) -> [Int] {
        let numbers = value.elements.map { number(of: $0) }
        guard !numbers.isEmpty else { throw JSONSchemaError(message: "must be an array of schemas") }
        return numbers
    }
}

extension JSONElement {
    /// The value as text, for messages.
    fileprivate var text: String { String(decoding: raw.bytes, as: UTF8.self) }
}
