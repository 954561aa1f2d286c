import JSON

extension FuzzTarget {
    private static let documents = [
        #"{"kind":"speech","params":{"text":"Hello, wörld \u00e9\n","n":[1,2.5,-3e10,true,false,null]},"tags":["a","b"]}"#,
        #"[0,-0,1.0,1e5,9223372036854775807,-9223372036854775808,18446744073709551615,5e-324,1.7976931348623157e308]"#,
        #"{"":"","a":{"b":{"c":[[],{},[{}]]}},"\u0000":"\ud83d\ude00","/~":"\"\\\/\b\f\n\r\t"}"#,
        "\"text\"", " \t\r\n12 ", "null", "[]", "{}",
        #"{"jobs":[{"params":{}},{"params":{"x":1}}],"atomic":false}"#,
    ]

    /// What is read, written and read again is the same.
    static let json = FuzzTarget("json", documents) { input, _ in
        guard let document = try parsed(input) else { return false }
        let written = document.root.raw.bytes
        guard let again = try parsed(written) else { throw Broken("what was written is refused") }
        guard same(document.root, again.root) else { throw Broken("what was written reads differently") }
        guard again.root.raw.bytes == written else { throw Broken("what was written is written differently") }
        return true
    }

    /// A schema that is read is written as one that judges alike; judging ends and is bounded.
    static let jsonSchema = FuzzTarget(
        "json-schema",
        [
            #"{"type":"object","properties":{"text":{"type":"string","minLength":1,"maxLength":20}},"required":["text"]}"#,
            #"{"type":["integer","null"],"minimum":-5,"exclusiveMaximum":100,"multipleOf":5,"default":0}"#,
            #"{"type":"array","items":{"enum":[1,"a",null,{"b":[]}]},"minItems":1,"maxItems":3}"#,
            #"{"anyOf":[{"type":"string","format":"uuid"},{"const":5}],"additionalProperties":{"type":"number"}}"#,
            #"{"oneOf":[{"type":"string","format":"date-time"},true],"allOf":[false],"title":"t","description":"d"}"#,
            #"{"type":"string","pattern":"^[a-z]+(-[a-z0-9]{1,3})?\\.(png|wav)$"}"#,
            ##"{"$defs":{"n":{"$anchor":"n","prefixItems":[{"$ref":"#"}]}},"items":{"$ref":"#n"},"uniqueItems":true}"##,
            ##"{"$dynamicAnchor":"d","properties":{"a":{"$dynamicRef":"#d"}},"unevaluatedProperties":{"not":{}}}"##,
            #"{"if":{"contains":{"const":1}},"then":{"maxContains":2},"patternProperties":{"^(a|b)*\p{L}$":false}}"#,
            #"{"additionalProperties":false,"properties":{"a":true,"b":{"$comment":"x"}},"required":["a","c"]}"#,
        ]
    ) { input, random in
        guard let document = try parsed(input) else { return false }
        let schema: JSONSchema
        do throws(JSONSchemaError) {
            schema = try JSONSchema(parsing: document.root)
        } catch {
            return false
        }
        guard let written = try parsed(JSONWriter.bytes { $0.value(schema) }) else {
            throw Broken("the written schema is not JSON")
        }
        let again: JSONSchema
        do throws(JSONSchemaError) {
            again = try JSONSchema(parsing: written.root)
        } catch {
            throw Broken("the written schema is refused: \(error)")
        }
        for _ in 0..<4 {
            let input = random.input(from: documents.map { Array($0.utf8) }, atMost: 4096)
            guard let value = try parsed(input) else { continue }
            let issues = schema.issues(in: value.root, limit: 50)
            guard issues.count <= 50 else { throw Broken("\(issues.count) issues, of at most 50") }
            guard issues.isEmpty == again.issues(in: value.root, limit: 50).isEmpty else {
                throw Broken("the written schema judges otherwise")
            }
        }
        return true
    }

    private static func parsed(_ bytes: [UInt8]) throws -> JSONDocument? {
        do throws(JSONError) {
            return try JSONDocument(parsing: bytes)
        } catch {
            return nil
        }
    }

    private static func same(_ one: JSONElement, _ other: JSONElement) -> Bool {
        guard one.kind == other.kind else { return false }
        switch one.kind {
        case .null: return true
        case .boolean: return one.bool == other.bool
        case .integer, .number: return one.int == other.int && one.double?.bitPattern == other.double?.bitPattern
        case .string: return one.stringBytes == other.stringBytes
        case .array:
            return one.elements.elementsEqual(other.elements, by: same)
        case .object:
            return one.members.elementsEqual(other.members) { $0.name == $1.name && same($0.value, $1.value) }
        }
    }
}
