/// What a JSON value must look like.
///
/// Routes build theirs in Swift, of the few keywords that they need; providers and tools bring theirs as JSON, in all of
/// JSON Schema 2020-12. Both check values and are published the same way.
public struct JSONSchema: Sendable {
    /// The types of JSON values.
    public enum ValueType: String, Sendable, CaseIterable {
        case null, boolean, integer, number, string, array, object
    }

    /// What may stand in an object beside its `properties`.
    public enum AdditionalProperties: Sendable {
        /// Nothing: an unknown name is a mistake.
        case forbidden
        /// Anything.
        case allowed
        /// What the schema, the only one in the array, allows.
        case matching([JSONSchema])
    }

    /// A named property of an object.
    public struct Property: Sendable {
        let name: String
        let schema: JSONSchema
        let isRequired: Bool

        /// A property that must be there.
        public static func required(_ name: String, _ schema: JSONSchema) -> Property {
            Property(name: name, schema: schema, isRequired: true)
        }

        /// A property that may be left out, or be `null`.
        public static func optional(_ name: String, _ schema: JSONSchema) -> Property {
            Property(name: name, schema: schema.nullable, isRequired: false)
        }
    }

    /// What came as JSON and says all that there is to say; the rest is what was built.
    var document: SchemaDocument?
    var types: [ValueType] = []
    var properties: [Property] = []
    var additionalProperties = AdditionalProperties.allowed
    /// At most one: an array breaks the recursion of the value.
    var items: [JSONSchema] = []
    var minimumLength: Int?
    var maximumLength: Int?
    var minimumCount: Int?
    var maximumCount: Int?
    var minimum: Double?
    var maximum: Double?
    var pattern: JSONPattern?
    var format: JSONFormat?
    /// The allowed values as JSON text without white space.
    var allowed: [RawJSON]?
    var defaultValue: RawJSON?
    var description: String?

    /// The same schema with words for readers.
    public func described(_ text: String) -> JSONSchema { changed { $0.description = text } }

    /// The same schema with the value that stands for a missing one; it documents, and changes nothing.
    public func defaulting(to value: some JSONWritable) -> JSONSchema {
        changed { $0.defaultValue = RawJSON(JSONWriter.bytes { $0.value(value) }) }
    }

    /// The same schema, with `null` allowed too.
    public var nullable: JSONSchema {
        guard !types.isEmpty, !types.contains(.null) else { return self }
        return changed {
            $0.types.append(.null)
            if $0.allowed != nil { $0.allowed?.append(RawJSON(Array("null".utf8))) }
        }
    }

    /// The same object schema with more properties before its own.
    public func adding(_ more: [Property]) -> JSONSchema { changed { $0.properties = more + $0.properties } }

    /// The same object schema with other properties in place of those of the same names.
    public func replacing(_ others: [Property]) -> JSONSchema {
        changed { schema in
            schema.properties = schema.properties.map { old in others.first { $0.name == old.name } ?? old }
        }
    }

    func changed(_ change: (inout JSONSchema) -> Void) -> JSONSchema {
        var copy = self
        change(&copy)
        return copy
    }
}
