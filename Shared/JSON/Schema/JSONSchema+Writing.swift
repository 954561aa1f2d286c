extension JSONSchema: JSONWritable {
    /// Writes the schema as JSON Schema 2020-12.
    public func write(to json: inout JSONWriter) {
        if let document { return json.value(document) }
        json.object { json in
            if let description { json.member("description", description) }
            if types.count == 1 {
                json.member("type", types[0].rawValue)
            } else if !types.isEmpty {
                json.member("type", types.map(\.rawValue))
            }
            if let allowed { json.member("enum", allowed) }
            if let defaultValue { json.member("default", defaultValue) }
            writeObject(to: &json)
            if let items = items.first { json.member("items", items) }
            if let minimumCount, minimumCount > 0 { json.member("minItems", minimumCount) }
            if let maximumCount { json.member("maxItems", maximumCount) }
            if let minimumLength, minimumLength > 0 { json.member("minLength", minimumLength) }
            if let maximumLength { json.member("maxLength", maximumLength) }
            if let pattern { json.member("pattern", pattern.source) }
            if let format { json.member("format", format.rawValue) }
            writeBounds(to: &json)
        }
    }

    private func writeObject(to json: inout JSONWriter) {
        if !properties.isEmpty {
            json.member("properties") { json in
                json.object { json in for property in properties { json.member(property.name, property.schema) } }
            }
        }
        let required = properties.filter(\.isRequired).map(\.name)
        if !required.isEmpty { json.member("required", required) }
        switch additionalProperties {
        case .allowed: break
        case .forbidden: json.member("additionalProperties", false)
        case .matching(let schemas): if let schema = schemas.first { json.member("additionalProperties", schema) }
        }
    }

    private func writeBounds(to json: inout JSONWriter) {
        for (name, bound) in [("minimum", minimum), ("maximum", maximum)] {
            if let bound { json.member(name, RawJSON(Array(bound.plain.utf8))) }
        }
    }
}
