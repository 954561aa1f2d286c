import JSON
import Testing

/// JSON Schema 2020-12 as it comes from outside: what each keyword refuses, and what a schema may cost.
@Suite(.timeLimit(.minutes(1))) struct SchemaDocumentTests {
    private static func issues(_ schema: String, _ value: String) throws -> [String] {
        let schema = try SchemaDocument(parsing: JSONDocument(parsing: schema).root)
        return schema.issues(in: try JSONDocument(parsing: value).root).map { "\($0.pointer) \($0.message)" }
    }

    @Test(arguments: [
        (##"{"const":1}"##, ["1", "1.0", "1e0"], ["2", "true", #""1""#]),
        (##"{"enum":[{"a":1,"b":[2]},0]}"##, [##"{"b":[2.0],"a":1}"##, "-0.0"], [##"{"a":1}"##, "false"]),
        (##"{"type":["integer","null"]}"##, ["3.0", "null"], ["3.5", #""3""#]),
        (##"{"multipleOf":0.01}"##, ["4.35", "19.99", "0", "-0.07"], ["4.355", "1e-3"]),
        (##"{"multipleOf":3,"maximum":9007199254740992}"##, ["9007199254740990"], ["9007199254740993", "4"]),
        (##"{"exclusiveMinimum":1,"exclusiveMaximum":2}"##, ["1.5", "\"x\""], ["1", "2"]),
        (##"{"minLength":2,"maxLength":2}"##, [#""äß""#, #""💬💬""#], [#""a""#, #""abc""#]),
        (
            ##"{"prefixItems":[{"type":"string"}],"items":{"type":"integer"},"minItems":1}"##,
            [##"["a",1]"##, ##"["a"]"##],
            ["[]", "[1]", ##"["a","b"]"##]
        ),
        (##"{"contains":{"minimum":5},"minContains":2,"maxContains":3}"##, ["[1,5,6]"], ["[5]", "[5,6,7,8]"]),
        (##"{"uniqueItems":true}"##, ["[1,true,\"1\",[1],[true]]"], ["[1,1.0]", ##"[{"a":1,"b":2},{"b":2,"a":1}]"##]),
        (
            ##"{"properties":{"a":true},"patternProperties":{"^x":{"type":"integer"}},"additionalProperties":false}"##,
            [##"{"a":null,"x1":1}"##], [##"{"x1":"s"}"##, ##"{"b":1}"##]
        ),
        (##"{"propertyNames":{"maxLength":2}}"##, [##"{"ab":1}"##], [##"{"abc":1}"##]),
        (##"{"minProperties":1,"maxProperties":2}"##, [##"{"a":1}"##], ["{}", ##"{"a":1,"b":1,"c":1}"##]),
        (##"{"dependentRequired":{"a":["b"]}}"##, [##"{"b":1}"##, ##"{"a":1,"b":1}"##], [##"{"a":1}"##]),
        (##"{"dependentSchemas":{"a":{"required":["b"]}}}"##, ["{}", ##"{"a":1,"b":1}"##], [##"{"a":1}"##]),
        (
            ##"{"if":{"properties":{"k":{"const":1}},"required":["k"]},"then":{"required":["a"]},"else":{"required":["b"]}}"##,
            [##"{"k":1,"a":0}"##, ##"{"k":2,"b":0}"##], [##"{"k":1,"b":0}"##, ##"{"k":2,"a":0}"##]
        ),
        (##"{"not":{"type":"string"}}"##, ["1"], [#""a""#]),
        (##"{"anyOf":[{"type":"string"},{"minimum":2}]}"##, [#""a""#, "2"], ["1"]),
        (##"{"oneOf":[{"type":"integer"},{"minimum":2}]}"##, ["1", "2.5"], ["3", "1.5"]),
        (
            ##"{"$ref":"#/$defs/tree","$defs":{"tree":{"type":"object","properties":{"in":{"$ref":"#/$defs/tree"}},"required":["v"]}}}"##,
            [##"{"v":1,"in":{"v":2}}"##], [##"{"v":1,"in":{}}"##]
        ),
        (
            ##"{"$id":"https://a.example/s","items":{"$ref":"t#name"},"$defs":{"t":{"$id":"t","$defs":{"n":{"$anchor":"name","type":"string"}}}}}"##,
            [##"["a"]"##], ["[1]"]
        ),
        (
            ##"{"allOf":[{"properties":{"a":true}}],"anyOf":[{"properties":{"b":true}}],"unevaluatedProperties":false}"##,
            [##"{"a":1,"b":2}"##], [##"{"a":1,"c":2}"##]
        ),
        (
            ##"{"prefixItems":[true],"contains":{"type":"string"},"unevaluatedItems":{"type":"null"}}"##,
            [##"[1,"a",null]"##], [##"[1,"a",2]"##]
        ),
        (
            ##"{"$id":"https://a.example/strict","$dynamicAnchor":"node","$ref":"tree","unevaluatedProperties":false,"$defs":{"tree":{"$id":"tree","$dynamicAnchor":"node","properties":{"in":{"$dynamicRef":"#node"}}}}}"##,
            [##"{"in":{"in":{}}}"##], [##"{"in":{"on":{}}}"##]
        ),
        (##"{"format":"date-time","x-mine":1}"##, [#""now""#], []),
        ("true", ["1"], []), ("false", [], ["1"]),
    ])
    func `each keyword takes what it should, and nothing else`(schema: String, good: [String], bad: [String]) throws {
        for value in good { #expect(try SchemaDocumentTests.issues(schema, value) == [], "\(value)") }
        for value in bad { #expect(try !SchemaDocumentTests.issues(schema, value).isEmpty, "\(value)") }
    }

    @Test func `mistakes are told with their places, and not twice`() throws {
        let schema = #"""
            {"properties":{"a/b":{"items":{"$ref":"#/$defs/n"}},"c":{"oneOf":[{"type":"null"},{"const":1}]}},
             "required":["d"],"additionalProperties":false,"$defs":{"n":{"type":"integer","maximum":5}}}
            """#
        #expect(
            try SchemaDocumentTests.issues(schema, ##"{"a/b":[1,"x",9],"c":2,"e":1}"##) == [
                "/a~1b/1 must be a whole number", "/a~1b/2 must be at most 5",
                "/c must match exactly one of 2 alternatives, and matches 0", "/e is not a known field",
                "/d is required",
            ]
        )
    }

    @Test(arguments: [
        (##"{"$ref":"https://elsewhere.example/s"}"##, "unresolved_reference", "/$ref"),
        (##"{"items":{"$ref":"#/$defs/none"}}"##, "unresolved_reference", "/items/$ref"),
        (##"{"$ref":"#none"}"##, "unresolved_reference", "/$ref"), (##"{"$ref":"#"}"##, "reference_cycle", ""),
        (
            ##"{"$defs":{"a":{"allOf":[{"$ref":"#/$defs/b"}]},"b":{"not":{"$ref":"#/$defs/a"}}},"$ref":"#/$defs/a"}"##,
            "reference_cycle", ""
        ),
        (##"{"properties":{"a":{"pattern":"(a"}}}"##, "pattern", "/properties/a/pattern"),
        (##"{"pattern":"^(?=x)"}"##, "pattern", "/pattern"), (##"{"pattern":"(a)\\1"}"##, "pattern", "/pattern"),
        (##"{"pattern":"((a{1000}){1000}){1000}"}"##, "pattern", "/pattern"),
        (##"{"$schema":"http://json-schema.org/draft-07/schema#","dependencies":{}}"##, "dialect", "/$schema"),
        (##"{"$schema":"https://dialect.example/s"}"##, "dialect", "/$schema"),
        (##"{"allOf":[]}"##, "not_a_schema", "/allOf"), (##"{"items":[{}]}"##, "not_a_schema", "/items"),
        (##"{"minLength":-1}"##, "not_a_schema", "/minLength"), (##"{"multipleOf":0}"##, "not_a_schema", "/multipleOf"),
        (##"{"$defs":{"a":{"$id":"x"},"b":{"$id":"x"}}}"##, "not_a_schema", "/$defs/b/$id"),
    ])
    func `a schema that cannot be honoured is refused by name`(text: String, reason: String, pointer: String) throws {
        let root = try JSONDocument(parsing: text).root
        #expect { try SchemaDocument(parsing: root) } throws: { error in
            guard let error = error as? JSONSchemaError else { return false }
            return error.reason.rawValue == reason && error.pointer == pointer
        }
    }

    @Test func `hostile schemas are refused before they cost anything`() throws {
        func reason(_ text: String) throws -> JSONSchemaError.Reason? {
            let root = try JSONDocument(parsing: text).root
            do { _ = try SchemaDocument(parsing: root) } catch { return error.reason }
            return nil
        }
        let deep = String(repeating: ##"{"not":"##, count: 100) + "{}" + String(repeating: "}", count: 100)
        #expect(try reason(deep) == .tooDeep)
        let wide = (0..<6_000).map { ##""p\##($0)":{}"## }.joined(separator: ",")
        #expect(try reason(##"{"properties":{\##(wide)}}"##) == .tooManySubschemas)
        let long = String(repeating: "x", count: 300_000)
        #expect(try reason(##"{"description":"\##(long)"}"##) == .tooLarge)
        #expect(try reason(##"{"$schema":"http://json-schema.org/draft-07/schema#","type":"object"}"##) == nil)
    }

    @Test(arguments: [
        // Each level asks the next one twice: some four million steps, and an end even for who does not count them.
        (0..<20).map { ##""l\##($0)":{"anyOf":[{"$ref":"#/$defs/l\##($0 + 1)"},{"$ref":"#/$defs/l\##($0 + 1)"}]}"## }
            .joined(separator: ",") + ##","l20":false"##,
        (0..<20).map { ##""l\##($0)":{"allOf":[{"$ref":"#/$defs/l\##($0 + 1)"},{"$ref":"#/$defs/l\##($0 + 1)"}]}"## }
            .joined(separator: ",") + ##","l20":true"##,
    ])
    func `a check that would take too long ends, and counts as a mistake`(levels: String) throws {
        let issues = try SchemaDocumentTests.issues(##"{"$ref":"#/$defs/l0","$defs":{\##(levels)}}"##, "1")
        #expect(issues.last == " takes too long to check against the schema")
    }

    @Test func `a chain of references that no value ends is cut`() throws {
        // The anchor that the reference means is found only while a value is checked.
        let schema = #"""
            {"$id":"https://a.example/a","$dynamicAnchor":"x","$ref":"b",
             "$defs":{"b":{"$id":"b","$dynamicRef":"#x","$defs":{"x":{"$dynamicAnchor":"x"}}}}}
            """#
        #expect(try SchemaDocumentTests.issues(schema, "1") == [" takes too long to check against the schema"])
    }

    @Test func `a value as deep as values may be is checked`() throws {
        let depth = JSONDocument.maximumDepth - 1
        let value = String(repeating: #"{"in":"#, count: depth) + "1" + String(repeating: "}", count: depth)
        let schema = ##"{"$ref":"#/$defs/n","$defs":{"n":{"allOf":[{"properties":{"in":{"$ref":"#/$defs/n"}}}]}}}"##
        #expect(try SchemaDocumentTests.issues(schema, value) == [])
    }

    @Test func `a schema that is read strictly must know what it says`() throws {
        func strict(_ text: String) throws -> JSONSchema {
            try JSONSchema(parsing: JSONDocument(parsing: text).root, strictly: true)
        }
        #expect(throws: JSONSchemaError.self) { try strict(##"{"minLenght":1}"##) }
        #expect(throws: JSONSchemaError.self) { try strict(##"{"format":"odd"}"##) }
        let schema = try strict(##"{"format":"date-time","title":"t"}"##)
        #expect(
            try schema.issues(in: JSONDocument(parsing: #""now""#).root).map(\.message) == ["must be a valid date-time"]
        )
    }
}
