/// A JSON Schema 2020-12 that came as JSON, with all keywords of its dialect.
///
/// References lead to places in the document itself and are never fetched. What a schema may cost is bounded, when it is
/// compiled and whenever a value is checked. As the dialect wants it, `format` only annotates and keywords that nobody knows
/// are ignored; a schema that is read strictly has its formats checked, and must know what it says.
public struct SchemaDocument: Sendable {
    let nodes: [SchemaNode]
    let dynamicAnchors: [DynamicAnchor: Int]
    /// Whether any schema asks which members or elements others have looked at.
    let keepsMarks: Bool
    let limits: SchemaLimits
    private let text: RawJSON

    /// Compiles a schema.
    ///
    /// - Throws: `JSONSchemaError`, with the place and the reason.
    public init(parsing root: JSONElement, strictly isStrict: Bool = false, limits: SchemaLimits = SchemaLimits())
        throws(JSONSchemaError)
    {
        text = root.raw
        guard text.bytes.count <= limits.bytes else {
            throw JSONSchemaError(.tooLarge, message: "has more than \(limits.bytes) bytes")
        }
        let compiler = try SchemaCompiler(root, limits: limits, isStrict: isStrict)
        nodes = compiler.nodes.compactMap { $0 }
        dynamicAnchors = compiler.dynamicAnchors
        keepsMarks = nodes.contains { $0.keywords.contains(where: \.asksForMarks) }
        self.limits = limits
    }

    /// Everything that is wrong with a value, at most `limit` mistakes. A value that takes more than
    /// `SchemaLimits.steps` to check counts as wrong, and its last mistake says so.
    public func issues(in value: JSONElement, at pointer: String = "", limit: Int = 50) -> [JSONIssue] {
        // Most values fit. Only for one that does not, it is written down where each mistake is.
        var glance = SchemaEvaluation(self, limit: 1)
        guard !glance.accepts(value, at: nil) else { return [] }
        var look = SchemaEvaluation(self, limit: limit)
        _ = look.accepts(value, at: pointer)
        return look.issues
    }
}

extension SchemaDocument: JSONWritable {
    /// Writes the schema as it came.
    public func write(to json: inout JSONWriter) { json.value(text) }
}
