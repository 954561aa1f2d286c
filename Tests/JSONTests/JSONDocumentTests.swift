import JSON
import Kernel
import Testing

@Suite struct JSONDocumentTests {
    @Test func `reads every kind of value`() throws {
        let root = try JSONDocument(
            parsing:
                #"{"n":null,"t":true,"i":-3,"u":18446744073709551615,"d":1.5,"s":"å\n😀","a":[1,[2],{"x":3}],"o":{}}"#
        )
        .root
        #expect(root["n"]?.isNull == true)
        #expect(root.value("n") == nil)
        #expect(root["t"]?.bool == true)
        #expect(root["i"]?.int == -3)
        #expect(root["u"]?.int == nil)
        #expect(root["u"]?.kind == .integer)
        #expect(root["d"]?.double == 1.5)
        #expect(root["s"]?.string == "å\n😀")
        #expect(root["a"]?.elements.map(\.kind) == [.integer, .array, .object])
        #expect(root["o"]?.members.map(\.name) == [])
        #expect(root["missing"] == nil)
        #expect(root.members.map(\.name) == ["n", "t", "i", "u", "d", "s", "a", "o"])
    }

    @Test(arguments: [
        #"{"a":[1,2,{"b":null}],"c":"\u0000\u001f\"\\/","d":-0.5,"e":18446744073709551615,"f":[],"g":{}}"#,
        #""text""#, "17", "[]", "true", "null", "1e300", "9223372036854775807", "-9223372036854775808",
    ])
    func `writes what it read`(text: String) throws {
        let once = try JSONDocument(parsing: text).root.raw
        let again = try JSONDocument(parsing: once.bytes).root.raw
        #expect(once == again)
    }

    @Test(arguments: [
        "", " ", "{", "[1,]", "{\"a\":1,}", "nul", "01", "1.", "\"\u{1}\"", "{\"a\" 1}", "[1] 2", "'a'", "{1:2}", "NaN",
        "123456789012345678901234567890", "1e999", "\"\\ud800\"", "\"\\x\"",
    ])
    func `refuses what is not JSON`(text: String) {
        #expect(throws: JSONError.self) { try JSONDocument(parsing: text) }
    }

    @Test func `refuses bad UTF-8`() {
        #expect(throws: JSONError.self) { try JSONDocument(parsing: [0x22, 0xC3, 0x28, 0x22]) }
    }

    @Test func `bounds the nesting`() throws {
        func nested(_ depth: Int) -> String {
            String(repeating: "[", count: depth) + String(repeating: "]", count: depth)
        }
        _ = try JSONDocument(parsing: nested(100))
        #expect(throws: JSONError.self) { try JSONDocument(parsing: nested(200)) }
        #expect(throws: JSONError.self) { try JSONDocument(parsing: nested(500_000)) }
    }

    @Test func `names a key that stands twice`() {
        #expect { try JSONDocument(parsing: #"{"a":[{"b/c":1,"b/c":2}]}"#) } throws: { error in
            (error as? JSONError)?.message.contains("/a/0/b~1c") == true
        }
        let many = (0..<50).map { "\"k\($0)\":1" }.joined(separator: ",")
        #expect(throws: JSONError.self) { try JSONDocument(parsing: "{\(many),\"k7\":2}") }
        // Behind values of every kind, which take one word or two, or end where they say.
        for value in ["1", "-1", "18446744073709551615", "1.5", "true", "null", "\"k\"", "{}", "[]", "{\"k\":[{}]}"] {
            #expect(throws: JSONError.self) { try JSONDocument(parsing: #"{"k":\#(value),"l":{},"k":0}"#) }
            #expect(throws: JSONError.self) {
                try JSONDocument(parsing: #"[{"j":\#(value)},{"k":{"x":1,"x":\#(value)}}]"#)
            }
        }
    }

    @Test func `a key may stand in several objects`() throws {
        let many = (0..<50).map { "\"k\($0)\":{\"k\($0)\":\"k1\"}" }.joined(separator: ",")
        _ = try JSONDocument(parsing: "[{\(many)},{\(many)},{},{\"\":{\"\":{}}}]")
    }

    @Test func `documents of other sizes leave one another alone`() throws {
        let small = try JSONDocument(parsing: #"{"a":"first"}"#)
        let large = try JSONDocument(parsing: "[" + (0..<200_000).map { "\"\($0)\"" }.joined(separator: ",") + "]")
        let after = try JSONDocument(parsing: #"{"a":"last"}"#)
        #expect(small.root["a"]?.string == "first")
        #expect(large.root.elements.reduce(0) { count, _ in count + 1 } == 200_000)
        #expect(after.root["a"]?.string == "last")
    }
}
