import JSON
import Testing

@Suite struct JSONSchemaTests {
    let schema = JSONSchema.object([
        .required("params", .anyObject),
        .optional("kind", .string(1...10, pattern: try? JSONPattern("^[a-z]+$"))),
        .optional("priority", .integer(-5...5)),
        .optional("run_at", .dateTime),
        .optional("tags", .array(of: .string(1...3), 0...2)),
        .optional("mode", .word(["fast", "slow"])),
    ])

    func issues(_ text: String) throws -> [String] {
        try schema.issues(in: JSONDocument(parsing: text).root).map { "\($0.pointer) \($0.message)" }
    }

    @Test func `accepts what fits, with optional fields null`() throws {
        #expect(try issues(#"{"params":{"any":[1]},"kind":"speech","priority":5,"mode":"slow","tags":["a"]}"#) == [])
        #expect(try issues(#"{"params":{},"kind":null,"run_at":null,"mode":null}"#) == [])
        #expect(try issues(#"{"params":{},"priority":3.0}"#) == [])
    }

    @Test func `reports every mistake with its pointer`() throws {
        #expect(
            try issues(
                #"{"kind":"Äx1234567890","priority":9,"run_at":"now","tags":["","abcd",3],"mode":"x","extra/field":1}"#
            ) == [
                "/kind must have at most 10 characters", "/kind must match ^[a-z]+$", "/priority must be at most 5",
                "/run_at must be a valid date-time", "/tags/0 must not be empty",
                "/tags/1 must have at most 3 characters",
                "/tags/2 must be a string", "/tags must have at most 2 elements",
                #"/mode must be one of "fast", "slow", null"#, "/extra~1field is not a known field",
                "/params is required",
            ]
        )
        #expect(try issues("[]") == [" must be an object"])
    }

    @Test func `stops at its limit`() throws {
        let text = "{\"params\":{}," + (0..<500).map { "\"x\($0)\":1" }.joined(separator: ",") + "}"
        #expect(try schema.issues(in: JSONDocument(parsing: text).root, limit: 7).count == 7)
    }

    @Test func `what it publishes reads back as the same schema`() throws {
        let published = JSONWriter.bytes { $0.value(schema) }
        let read = try JSONSchema(parsing: JSONDocument(parsing: published).root)
        #expect(JSONWriter.bytes { $0.value(read) } == published)
        let value = try JSONDocument(parsing: #"{"kind":"ABC","x":1}"#).root
        #expect(read.issues(in: value) == schema.issues(in: value))
    }

    @Test(arguments: [
        (#"{"type":"strin"}"#, "/type"), (#"{"properties":{"a":{"minimum":"1"}}}"#, "/properties/a/minimum"),
        (#"{"$ref":"a"}"#, "/$ref"), (#"{"anyOf":[]}"#, "/anyOf"), (#"{"pattern":"("}"#, "/pattern"), ("3", ""),
    ])
    func `refuses a schema it cannot honour`(text: String, pointer: String) throws {
        let root = try JSONDocument(parsing: text).root
        #expect { try JSONSchema(parsing: root) } throws: {
            ($0 as? JSONSchemaError)?.pointer.hasPrefix(pointer) == true
        }
    }

    @Test func `combinations count their matches`() throws {
        let root = try JSONDocument(
            parsing: #"{"oneOf":[{"type":"integer"},{"type":"number","minimum":2}],"enum":[1,3,"x"]}"#
        )
        .root
        let schema = try JSONSchema(parsing: root)
        func count(_ text: String) throws -> Int { try schema.issues(in: JSONDocument(parsing: text).root).count }
        #expect(try count("1") == 0)
        #expect(try count("3") == 1)
        #expect(try count("\"x\"") == 1)
        #expect(try count("2") == 2)
    }
}
