extension JSONSchema {
    /// A schema that came as JSON; see `SchemaDocument`. Nothing can be built on it.
    ///
    /// - Throws: `JSONSchemaError`, with the place and the reason.
    public init(parsing value: JSONElement, strictly isStrict: Bool = false) throws(JSONSchemaError) {
        self.init()
        document = try SchemaDocument(parsing: value, strictly: isStrict)
    }
}
