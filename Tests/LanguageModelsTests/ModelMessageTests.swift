import JSON
import LanguageModels
import Testing

@Suite struct ModelMessageTests {
    @Test func `a message reads back what it wrote`() throws {
        let messages = [
            ModelMessage(.user, [.text("Grüße \u{1F600}\n\"")]),
            ModelMessage(
                .assistant,
                [
                    .reasoning(ModelReasoning(wire: "anthropic", data: RawJSON(#"{"signature":"x=="}"#))),
                    .text(""),
                    .toolCall(
                        ModelToolCall(id: "a", name: "find", arguments: RawJSON(#"{"word":"lark","n":[1,2.5]}"#))
                    ),
                    .toolCall(
                        ModelToolCall(id: "b", name: "", arguments: .emptyObject, defect: "is not JSON", text: "{\"")
                    ),
                ]
            ),
            ModelMessage(
                .tool,
                [
                    .toolResult(ModelToolResult(callID: "a", name: "find", text: "none")),
                    .toolResult(ModelToolResult(callID: "b", name: "", text: "what?", isError: true)),
                ]
            ),
        ]
        for message in messages {
            let written = JSONWriter.bytes { $0.value(message) }
            #expect(try ModelMessage(json: JSONDocument(parsing: written).root) == message)
        }
    }

    @Test(arguments: [
        (#"{"parts":[]}"#, "/role"), (#"{"role":"system","parts":[]}"#, "/role"), (#"{"role":"user"}"#, "/parts"),
        (#"{"role":"user","parts":[{"type":"text","text":"a"},{"type":"image"}]}"#, "/parts/1/type"),
        (#"{"role":"user","parts":[{"type":"text"}]}"#, "/parts/0/text"),
        (#"{"role":"user","parts":[{"type":"tool_call","id":"a","name":"b","arguments":[]}]}"#, "/parts/0/arguments"),
        (#"{"role":"user","parts":[{"type":"reasoning","wire":"a"}]}"#, "/parts/0/data"),
    ])
    func `what is no message is refused at its place`(text: String, pointer: String) throws {
        let json = try JSONDocument(parsing: text).root
        let error = #expect(throws: ModelMessageError.self) { try ModelMessage(json: json) }
        #expect(error?.pointer == pointer)
    }

    @Test func `an answer costs what its parts cost, rounded up`() {
        let facts = ModelFacts(
            prices: ModelFacts.Prices(input: 3_000_000, cachedInput: 300_000, cacheWrite: 3_750_000, output: 15_000_000)
        )
        let usage = ModelUsage(inputTokens: 111, cachedInputTokens: 10, cacheWriteTokens: 1, outputTokens: 1)
        // 100 × 3 + 10 × 0.3 + 1 × 3.75 + 1 × 15
        #expect(facts.cost(of: usage) == 322)
        #expect(ModelFacts(prices: .free).cost(of: usage) == 0)
        #expect(ModelFacts().cost(of: usage) == nil)
        #expect(facts.cost(of: ModelUsage(outputTokens: .max)) == .max)
    }
}
