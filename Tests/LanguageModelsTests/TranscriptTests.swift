import JSON
import Testing

@testable import LanguageModels

@Suite struct TranscriptTests {
    private func call(_ id: String, _ name: String = "f") -> ModelPart {
        .toolCall(ModelToolCall(id: id, name: name, arguments: .emptyObject))
    }

    private func result(_ id: String, _ text: String) -> ModelToolResult {
        ModelToolResult(callID: id, name: "f", text: text)
    }

    private func thought(_ wire: Wire) -> ModelPart {
        .reasoning(ModelReasoning(wire: wire.rawValue, data: .emptyObject))
    }

    @Test func `sides alternate, begin and end with the user, and say nothing blank`() throws {
        let transcript = try Transcript(
            [
                ModelMessage(.assistant, [.text("Hello.")]), ModelMessage(.user, [.text("a"), .text(" ")]),
                ModelMessage(.user, [.text("b")]), ModelMessage(.assistant, [.text("\n")]),
                ModelMessage(.user, [.text("c")]), ModelMessage(.assistant, [.text("d")]),
                ModelMessage(.assistant, [.text("e")]), ModelMessage(.user, [.text("")]),
                ModelMessage(.assistant, [.text("f")]),
            ],
            for: .anthropic
        )
        #expect(
            transcript.turns == [
                .user(results: [], text: "(The conversation began earlier.)"), .assistant([.text("Hello.")]),
                .user(results: [], text: "a\n\nb\n\nc"), .assistant([.text("d"), .text("e")]),
                .user(results: [], text: "Continue."), .assistant([.text("f")]),
                .user(results: [], text: "Continue."),
            ]
        )
    }

    @Test func `every call has its result right behind, in the order of the calls`() throws {
        let transcript = try Transcript(
            [
                ModelMessage(.user, [.text("go")]), ModelMessage(.assistant, [call("a"), call("b"), call("c")]),
                ModelMessage(.tool, [.toolResult(result("c", "3")), .toolResult(result("x", "stray"))]),
                ModelMessage(.user, [.text("more")]), ModelMessage(.tool, [.toolResult(result("a", "1"))]),
            ],
            for: .openAIChat
        )
        let missing = ModelToolResult(callID: "b", name: "f", text: "There is no result of this call.", isError: true)
        #expect(
            transcript.turns.last
                == .user(
                    results: [result("a", "1"), missing, result("c", "3")],
                    text: "(The tool f answered: stray)\n\nmore"
                )
        )
    }

    @Test func `ids are unique in the whole conversation and fit every wire`() throws {
        let turn = [
            ModelMessage(.assistant, [call("call 0")]), ModelMessage(.tool, [.toolResult(result("call 0", "r"))]),
        ]
        let transcript = try Transcript([ModelMessage(.user, [.text("go")])] + turn + turn, for: .anthropic)
        let ids = transcript.turns.compactMap { turn -> String? in
            if case .user(let results, _) = turn { results.first?.callID } else { nil }
        }
        #expect(ids == ["call_0", "call_0_2"])
    }

    @Test func `reasoning goes back to its own wire only, and never last`() throws {
        let messages = [
            ModelMessage(.user, [.text("a")]), ModelMessage(.assistant, [thought(.anthropic), .text("b")]),
            ModelMessage(.user, [.text("c")]), ModelMessage(.assistant, [thought(.anthropic)]),
        ]
        let own = try Transcript(messages, for: .anthropic)
        #expect(own.turns[1] == .assistant([thought(.anthropic), .text("b")]))
        #expect(own.turns.count == 3)
        let cut = [
            ModelMessage(.user, [.text("a")]), ModelMessage(.assistant, [.text("b"), thought(.anthropic)]),
            ModelMessage(.user, [.text("c")]),
        ]
        #expect(try Transcript(cut, for: .anthropic).turns[1] == .assistant([.text("b")]))
        #expect(try Transcript(messages, for: .openAIResponses).turns[1] == .assistant([.text("b")]))
    }

    @Test func `an empty conversation is refused`() {
        let failure = #expect(throws: ModelFailure.self) { _ = try Transcript([], for: .ollama) }
        #expect(failure?.code == .requestRefused)
    }

    @Test func `names keep what they can, and lead back`() {
        let names = ToolNames(["card.find", "card_find", "a", String(repeating: "ü", count: 80), "card/find"])
        #expect(names.wire("card_find") == "card_find")
        #expect(names.wire("card.find") == "card_find_2")
        #expect(names.wire("card/find") == "card_find_3")
        #expect(names.own("card_find_3") == "card/find")
        #expect(names.wire(String(repeating: "ü", count: 80)).count == 60)
        #expect(names.wire("gone.tool") == "gone_tool")
        #expect(names.own("invented") == "invented")
    }
}
