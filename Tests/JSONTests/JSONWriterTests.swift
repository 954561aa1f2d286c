import JSON
import Kernel
import Testing

@Suite struct JSONWriterTests {
    @Test func `separates members and elements by itself`() {
        var json = JSONWriter()
        json.object {
            $0.member("a", 1)
            $0.member("b", ["x", "y"])
            $0.member("c") { json in
                json.array { json in
                    json.object { _ in }
                    json.object { $0.member("d", Bool?.none) }
                    json.value(2.5)
                }
            }
            $0.member("e", RawJSON(Array("[1,2]".utf8)))
        }
        #expect(json.text == #"{"a":1,"b":["x","y"],"c":[{},{"d":null},2.5],"e":[1,2]}"#)
    }

    @Test func `escapes what must be escaped and nothing else`() throws {
        let text = "\"\\/\u{0}\u{1F}\n\t\u{7F}é😀\u{2028}"
        let json = JSONWriter.bytes { $0.value(text) }
        #expect(try JSONDocument(parsing: json).root.string == text)
        #expect(String(decoding: json, as: UTF8.self).contains("\\u0000\\u001f\\n\\t"))
    }

    @Test(arguments: [0.1, 1e21, -1e-7, .leastNonzeroMagnitude, .greatestFiniteMagnitude, 123456789.123])
    func `doubles come back as they went`(number: Double) throws {
        #expect(try JSONDocument(parsing: JSONWriter.bytes { $0.value(number) }).root.double == number)
    }

    @Test func `what JSON cannot say is null`() {
        #expect(JSONWriter.bytes { $0.value(Double.nan) } == Array("null".utf8))
    }
}
