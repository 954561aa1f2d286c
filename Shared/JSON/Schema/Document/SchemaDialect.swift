/// Which dialects are taken. Older ones are where the schema says nothing that they mean in another way.
enum SchemaDialect {
    private static let own = "https://json-schema.org/draft/2020-12/schema"
    private static let older: Set<String> = [
        "http://json-schema.org/schema", "http://json-schema.org/draft-04/schema",
        "http://json-schema.org/draft-06/schema", "http://json-schema.org/draft-07/schema",
        "https://json-schema.org/draft/2019-09/schema",
    ]
    /// What 2020-12 does not know or reads otherwise.
    private static let changed = ["additionalItems", "dependencies", "$recursiveRef", "$recursiveAnchor"]

    static func check(_ schema: JSONElement) throws(JSONSchemaError) {
        guard let name = schema["$schema"]?.string else { return }
        let dialect = String(name.trimmingSuffix(while: { $0 == "#" }))
        guard dialect != own else { return }
        let message = "must be \(own); a schema of another dialect is not read as it is meant"
        guard older.contains(dialect), !uses(changed, in: schema) else {
            throw JSONSchemaError(.dialect, pointer: "/$schema", message: message)
        }
    }

    /// Whether a keyword stands anywhere in it. A property of that name counts too: better refused than misread.
    private static func uses(_ keywords: [String], in value: JSONElement) -> Bool {
        value.members.contains { keywords.contains($0.name) || uses(keywords, in: $0.value) }
            || value.elements.contains { uses(keywords, in: $0) }
    }
}

extension String {
    fileprivate func trimmingSuffix(while isEnd: (Character) -> Bool) -> Substring {
        self[..<(lastIndex { !isEnd($0) }.map { index(after: $0) } ?? startIndex)]
    }
}
