extension JSONSchema {
    /// Reads a schema that came as JSON.
    ///
    /// - Throws: `JSONSchemaError` for a keyword that is not supported, so that no rule is silently without effect.
    public init(parsing value: JSONElement) throws(JSONSchemaError) {
        self.init()
        if let flag = value.bool {
            if !flag { allowed = [] }
            return
        }
        guard value.kind == .object else {
            throw JSONSchemaError(pointer: "", message: "must be an object or a boolean")
        }
        var required: [String] = []
        for member in value.members {
            do {
                try read(member.name, member.value, &required)
            } catch {
                throw error.under(JSONPointer.appending(member.name, to: ""))
            }
        }
        properties = properties.map { property in
            Property(name: property.name, schema: property.schema, isRequired: required.contains(property.name))
        }
        requiredNames = required.filter { name in !properties.contains { $0.name == name } }
    }

    private mutating func read(_ keyword: String, _ value: JSONElement, _ required: inout [String])
        throws(JSONSchemaError)
    {
        switch keyword {
        case "type": types = try JSONSchema.types(value)
        case "title": title = try JSONSchema.text(value)
        case "description": description = try JSONSchema.text(value)
        case "default": defaultValue = value.raw
        case "enum": allowed = value.elements.map(\.raw)
        case "const": allowed = [value.raw]
        case "required": required = try value.elements.map(JSONSchema.text)
        case "items": items = [try JSONSchema(parsing: value)]
        case "minItems": minimumCount = try JSONSchema.natural(value)
        case "maxItems": maximumCount = try JSONSchema.natural(value)
        case "minLength": minimumLength = try JSONSchema.natural(value)
        case "maxLength": maximumLength = try JSONSchema.natural(value)
        case "minimum": minimum = try JSONSchema.number(value)
        case "maximum": maximum = try JSONSchema.number(value)
        case "exclusiveMinimum": exclusiveMinimum = try JSONSchema.number(value)
        case "exclusiveMaximum": exclusiveMaximum = try JSONSchema.number(value)
        case "multipleOf": multipleOf = try JSONSchema.number(value)
        case "pattern": pattern = try JSONPattern(JSONSchema.text(value))
        case "format": format = try JSONSchema.format(value)
        case "anyOf": anyOf = try JSONSchema.list(value)
        case "oneOf": oneOf = try JSONSchema.list(value)
        case "allOf": allOf = try JSONSchema.list(value)
        case "properties":
            for member in value.members {
                do {
                    let schema = try JSONSchema(parsing: member.value)
                    properties.append(Property(name: member.name, schema: schema, isRequired: false))
                } catch {
                    throw error.under(JSONPointer.appending(member.name, to: ""))
                }
            }
        case "additionalProperties":
            switch value.bool {
            case true?: additionalProperties = .allowed
            case false?: additionalProperties = .forbidden
            case nil: additionalProperties = .matching([try JSONSchema(parsing: value)])
            }
        case "$schema", "$id", "$comment", "examples", "deprecated", "readOnly", "writeOnly": break
        default: throw JSONSchemaError(pointer: "", message: "is not a supported keyword")
        }
    }

    private static func types(_ value: JSONElement) throws(JSONSchemaError) -> [ValueType] {
        let names = value.string.map { [$0] } ?? value.elements.compactMap(\.string)
        let types = names.compactMap(ValueType.init(rawValue:))
        guard !types.isEmpty, types.count == names.count else {
            throw JSONSchemaError(pointer: "", message: "must be a type or an array of types")
        }
        return types
    }

    private static func text(_ value: JSONElement) throws(JSONSchemaError) -> String {
        guard let text = value.string else { throw JSONSchemaError(pointer: "", message: "must be a string") }
        return text
    }

    private static func natural(_ value: JSONElement) throws(JSONSchemaError) -> Int {
        guard let number = value.int, number >= 0 else {
            throw JSONSchemaError(pointer: "", message: "must be a whole number that is not negative")
        }
        return number
    }

    private static func number(_ value: JSONElement) throws(JSONSchemaError) -> Double {
        guard let number = value.double else { throw JSONSchemaError(pointer: "", message: "must be a number") }
        return number
    }

    private static func format(_ value: JSONElement) throws(JSONSchemaError) -> JSONFormat {
        guard let format = value.string.flatMap(JSONFormat.init(rawValue:)) else {
            let known = JSONFormat.allCases.map(\.rawValue).joined(separator: ", ")
            throw JSONSchemaError(pointer: "", message: "must be one of \(known)")
        }
        return format
    }

    private static func list(_ value: JSONElement) throws(JSONSchemaError) -> [JSONSchema] {
        var schemas: [JSONSchema] = []
        for (position, element) in value.elements.enumerated() {
            do {
                schemas.append(try JSONSchema(parsing: element))
            } catch {
                throw error.under("/\(position)")
            }
        }
        guard !schemas.isEmpty else { throw JSONSchemaError(pointer: "", message: "must be an array of schemas") }
        return schemas
    }
}
