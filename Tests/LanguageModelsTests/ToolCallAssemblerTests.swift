import JSON
import Testing

@testable import LanguageModels

@Suite struct ToolCallAssemblerTests {
    private typealias Piece = ToolCallAssembler.Piece

    struct Case: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let pieces: [ToolCallAssembler.Piece]
        let calls: [ModelToolCall]

        init(_ description: String, _ pieces: [(Int?, String?, String?, String?)], _ calls: [(String, String, String)])
        {
            testDescription = description
            self.pieces = pieces.map { Piece(index: $0.0, id: $0.1, name: $0.2, arguments: $0.3) }
            self.calls = calls.map { ModelToolCall(id: $0.0, name: $0.1, arguments: RawJSON($0.2)) }
        }
    }

    static let cases = [
        Case(
            "pieces by index",
            [(0, "a", "f", ""), (0, nil, nil, "{\"x\""), (0, nil, nil, ":1}"), (1, "b", "g", "{}")],
            [("a", "f", #"{"x":1}"#), ("b", "g", "{}")]
        ),
        Case(
            "calls that are interleaved",
            [
                (0, "a", "f", ""), (1, "b", "g", ""), (0, nil, nil, "{\"x\":"), (1, nil, nil, "{\"y\":"),
                (0, nil, nil, "1}"), (1, nil, nil, "2}"),
            ],
            [("a", "f", #"{"x":1}"#), ("b", "g", #"{"y":2}"#)]
        ),
        Case(
            "a known id wins over a wrong index",
            [(0, "a", "f", "{\"x\":"), (1, "b", "f", "{\"x\":"), (0, "b", nil, "2}"), (1, "a", nil, "1}")],
            [("a", "f", #"{"x":1}"#), ("b", "f", #"{"x":2}"#)]
        ),
        Case(
            "a new id on a used index is a new call",
            [(0, "a", "f", #"{"x":1}"#), (0, "b", "g", #"{"y":2}"#)],
            [("a", "f", #"{"x":1}"#), ("b", "g", #"{"y":2}"#)]
        ),
        Case(
            "neither id nor index is the call in progress",
            [(nil, "a", "f", ""), (nil, nil, nil, "{\"x\":"), (nil, nil, nil, "1}")],
            [("a", "f", #"{"x":1}"#)]
        ),
        Case(
            "an index without an id ever",
            [(0, nil, "f", "{"), (0, nil, nil, "}"), (1, "", "f", "{\"x\":1}")],
            [("call_0", "f", "{}"), ("call_1", "f", #"{"x":1}"#)]
        ),
        Case(
            "a made-up id is not one that is taken",
            [(1, "call_0", "f", "{}"), (0, nil, "g", "{}")],
            [("call_0", "f", "{}"), ("call_0_2", "g", "{}")]
        ),
        Case("an id that comes late", [(0, nil, "f", ""), (0, "a", nil, "{}")], [("a", "f", "{}")]),
        Case("a name that comes late", [(0, "a", nil, "{\"x\":"), (0, nil, "f", "1}")], [("a", "f", #"{"x":1}"#)]),
        Case(
            "id and name with every piece, empty members as null",
            [
                (0, "a", "f", nil), (0, "a", "f", "{\"x\":"), (0, "a", "f", "\"}\""), (0, "a", "f", "}"),
                (0, "a", "f", nil),
            ],
            [("a", "f", #"{"x":"}"}"#)]
        ),
        Case(
            "braces behind an escaped quote",
            [(0, "a", "f", #"{"x":"\"}"#), (0, "a", "f", #"{"}"#)],
            [("a", "f", #"{"x":"\"}{"}"#)]
        ), Case("a name in pieces", [(0, "a", "get_", ""), (0, nil, "weather", "{}")], [("a", "get_weather", "{}")]),
        Case("a name that grows", [(0, "a", "get", ""), (0, nil, "get_weather", "{}")], [("a", "get_weather", "{}")]),
        Case(
            "no arguments at all",
            [(0, "a", "f", nil), (1, "b", "g", " "), (2, "c", "h", "null")],
            [("a", "f", "{}"), ("b", "g", "{}"), ("c", "h", "{}")]
        ),
        Case(
            "whole calls without id, all under index 0",
            [(0, nil, "f", #"{"x":1}"#), (0, nil, "f", #"{"x":2}"#), (0, nil, "g", "{}")],
            [("call_0", "f", #"{"x":1}"#), ("call_0_2", "f", #"{"x":2}"#), ("call_0_3", "g", "{}")]
        ),
        Case(
            "whole calls without id and index",
            [(nil, nil, "f", #"{"x":1}"#), (nil, nil, "f", #"{"x":2}"#), (nil, nil, "g", "")],
            [("call_0", "f", #"{"x":1}"#), ("call_1", "f", #"{"x":2}"#), ("call_2", "g", "{}")]
        ),
        Case(
            "two calls under one id",
            [(0, "a", "f", #"{"x":1}"#), (1, "a", "f", #"{"x":2}"#)],
            [("a", "f", #"{"x":1}"#), ("a_2", "f", #"{"x":2}"#)]
        ),
        Case(
            "all of it again at the end",
            [(0, "a", "f", "{\"x\":"), (0, nil, nil, "1}"), (0, "a", "f", #"{"x":1}"#), (0, nil, nil, #"{"x":1}"#)],
            [("a", "f", #"{"x":1}"#)]
        ),
    ]

    @Test(arguments: cases) func `pieces become calls`(_ example: Case) throws {
        var assembler = ToolCallAssembler()
        for piece in example.pieces { _ = try assembler.add(piece) }
        #expect(assembler.assembled() == example.calls)
    }

    @Test func `a name is told once, when it is known`() throws {
        var assembler = ToolCallAssembler()
        var told: [String] = []
        for name in [nil, "f", "f", nil] {
            if let name = try assembler.add(Piece(index: 0, id: "a", name: name, arguments: "")).begins {
                told.append(name)
            }
        }
        #expect(told == ["f"])
    }

    @Test(arguments: [
        (#"{"x":"#, "the arguments are not JSON"), ("[1]", "the arguments are no JSON object"),
        (#"{"x":1}{"x":2}"#, "the arguments are not JSON"), (#"{"x":1,"x":2}"#, "occurs twice"),
    ])
    func `what is no object is kept as text, with the reason`(arguments: String, reason: String) throws {
        var assembler = ToolCallAssembler()
        _ = try assembler.add(Piece(index: 0, id: "a", name: "f", arguments: arguments))
        let call = try #require(assembler.assembled().first)
        #expect(call.arguments == .emptyObject)
        #expect(call.text == arguments)
        #expect(call.defect?.contains(reason) == true, "\(call.defect ?? "none")")
    }

    @Test func `a call without a name is one that nobody can execute`() throws {
        var assembler = ToolCallAssembler()
        _ = try assembler.add(Piece(index: 0, id: "a", name: nil, arguments: "{}"))
        #expect(assembler.assembled().first?.defect == "the call names no tool")
    }

    @Test func `calls and arguments have a limit`() throws {
        var assembler = ToolCallAssembler(AnswerLimits(toolCalls: 2, argumentBytes: 8))
        _ = try assembler.add(Piece(index: 0, id: "a", name: "f", arguments: "12345678"))
        let long = #expect(throws: ModelFailure.self) {
            _ = try assembler.add(Piece(index: 0, arguments: "9"))
        }
        #expect(long?.code == .answerTooLarge)
        _ = try assembler.add(Piece(index: 1, id: "b", name: "f"))
        let many = #expect(throws: ModelFailure.self) { _ = try assembler.add(Piece(index: 2, id: "c", name: "f")) }
        #expect(many?.code == .answerTooLarge)
    }
}
