import JSON
import Testing

@testable import LanguageModels

@Suite struct WireRequestTests {
    private static let schema = RawJSON(#"{"type":"object","properties":{"q":{"type":"string"}}}"#)

    /// A conversation with everything in it.
    private static func request(_ choice: ToolChoice = .auto, tools: Bool = true) -> ModelRequest {
        func thought(_ wire: Wire, _ json: String) -> ModelPart {
            .reasoning(ModelReasoning(wire: wire.rawValue, data: RawJSON(json)))
        }
        return ModelRequest(
            model: "m",
            instructions: "Be brief.",
            messages: [
                ModelMessage(.user, [.text("find it")]),
                ModelMessage(
                    .assistant,
                    [
                        thought(.anthropic, #"{"type":"thinking","thinking":"t","signature":"s"}"#),
                        thought(.openAIResponses, #"{"type":"reasoning","encrypted_content":"e"}"#), .text("Looking."),
                        .toolCall(ModelToolCall(id: "a", name: "web.find", arguments: RawJSON(#"{"q":"x"}"#))),
                        .toolCall(ModelToolCall(id: "b", name: "web.find", arguments: RawJSON(#"{"q":"y"}"#))),
                    ]
                ),
                ModelMessage(
                    .tool,
                    [
                        .toolResult(ModelToolResult(callID: "b", name: "web.find", text: "gone", isError: true)),
                        .toolResult(ModelToolResult(callID: "a", name: "web.find", text: "found")),
                    ]
                ),
                ModelMessage(.user, [.text("and now?")]),
            ],
            tools: tools ? [ModelTool(name: "web.find", summary: "finds", input: schema)] : [],
            choice: choice,
            output: OutputSchema(name: "an answer", schema: RawJSON(#"{"type":"object"}"#)),
            maximumOutputTokens: 99,
            temperature: 1.5,
            id: "run/1"
        )
    }

    private func body(
        _ wire: Wire,
        _ request: ModelRequest = request(),
        _ options: WireOptions = WireOptions()
    ) throws -> JSONElement {
        try JSONDocument(
            parsing: wire.body(of: request, ToolNames(request.tools.map(\.name)), options)
        )
        .root
    }

    private func expect(_ json: JSONElement?, _ text: String, _ place: SourceLocation = #_sourceLocation) {
        #expect(json?.raw == RawJSON(text), sourceLocation: place)
    }

    @Test func `Chat Completions`() throws {
        let body = try body(.openAIChat)
        expect(
            body["messages"],
            #"[{"role":"system","content":"Be brief."},{"role":"user","content":"find it"},"#
                + #"{"role":"assistant","content":"Looking.","tool_calls":["#
                + #"{"id":"a","type":"function","function":{"name":"web_find","arguments":"{\"q\":\"x\"}"}},"#
                + #"{"id":"b","type":"function","function":{"name":"web_find","arguments":"{\"q\":\"y\"}"}}]},"#
                + #"{"role":"tool","tool_call_id":"a","content":"found"},"#
                + #"{"role":"tool","tool_call_id":"b","content":"Error: gone"},{"role":"user","content":"and now?"}]"#
        )
        expect(
            body["tools"],
            #"[{"type":"function","function":{"name":"web_find","description":"finds","parameters":"#
                + #"{"type":"object","properties":{"q":{"type":"string"}}}}}]"#
        )
        expect(body["tool_choice"], #""auto""#)
        expect(body["stream_options"], #"{"include_usage":true}"#)
        expect(
            body["response_format"],
            #"{"type":"json_schema","json_schema":{"name":"an_answer","schema":{"type":"object"}}}"#
        )
        #expect(body["max_completion_tokens"]?.int == 99)
        #expect(body["temperature"]?.double == 1.5)
        let older = try self.body(.openAIChat, Self.request(), WireOptions(tokenLimitMember: "max_tokens"))
        #expect(older["max_tokens"]?.int == 99 && older["max_completion_tokens"] == nil)
        expect(
            try self.body(.openAIChat, Self.request(.tool("web.find")))["tool_choice"],
            #"{"type":"function","function":{"name":"web_find"}}"#
        )
        #expect(try self.body(.openAIChat, Self.request(tools: false))["tool_choice"] == nil)
    }

    @Test func `Responses`() throws {
        let body = try body(.openAIResponses)
        expect(
            body["input"],
            #"[{"role":"user","content":"find it"},{"type":"reasoning","encrypted_content":"e"},"#
                + #"{"role":"assistant","content":"Looking."},"#
                + #"{"type":"function_call","call_id":"a","name":"web_find","arguments":"{\"q\":\"x\"}"},"#
                + #"{"type":"function_call","call_id":"b","name":"web_find","arguments":"{\"q\":\"y\"}"},"#
                + #"{"type":"function_call_output","call_id":"a","output":"found"},"#
                + #"{"type":"function_call_output","call_id":"b","output":"Error: gone"},"#
                + #"{"role":"user","content":"and now?"}]"#
        )
        #expect(body["store"]?.bool == false)
        expect(body["include"], #"["reasoning.encrypted_content"]"#)
        expect(
            body["text"],
            #"{"format":{"type":"json_schema","name":"an_answer","schema":{"type":"object"},"strict":false}}"#
        )
        #expect(body["instructions"]?.string == "Be brief.")
        #expect(body["max_output_tokens"]?.int == 99)
        #expect(body["tools"]?.elements.first { _ in true }?["name"]?.string == "web_find")
        #expect(
            try self.body(.openAIResponses, Self.request(), WireOptions(encryptedReasoning: false))["include"] == nil
        )
    }

    @Test func `Messages: results first in one user message, thoughts unchanged`() throws {
        let body = try body(.anthropic)
        expect(
            body["messages"],
            #"[{"role":"user","content":[{"type":"text","text":"find it"}]},{"role":"assistant","content":["#
                + #"{"type":"thinking","thinking":"t","signature":"s"},{"type":"text","text":"Looking."},"#
                + #"{"type":"tool_use","id":"a","name":"web_find","input":{"q":"x"}},"#
                + #"{"type":"tool_use","id":"b","name":"web_find","input":{"q":"y"}}]},{"role":"user","content":["#
                + #"{"type":"tool_result","tool_use_id":"a","content":"found"},"#
                + #"{"type":"tool_result","tool_use_id":"b","content":"gone","is_error":true},"#
                + #"{"type":"text","text":"and now?"}]}]"#
        )
        let system = try #require(body["system"]?.elements.first { _ in true })
        #expect(system["text"]?.string?.hasPrefix("Be brief.\n\nYour last answer must be one JSON value") == true)
        #expect(body["max_tokens"]?.int == 99)
        #expect(body["temperature"]?.double == 1)
        expect(body["tool_choice"], #"{"type":"auto"}"#)
        expect(try self.body(.anthropic, Self.request(.required))["tool_choice"], #"{"type":"any"}"#)
        // Calls in the conversation and no tools any more.
        let without = try self.body(.anthropic, Self.request(tools: false))
        expect(without["tool_choice"], #"{"type":"none"}"#)
        expect(
            without["tools"],
            #"[{"name":"web_find","description":"","input_schema":{"type":"object"},"cache_control":{"type":"ephemeral"}}]"#
        )
    }

    @Test func `Messages: the provider is to keep tools and instructions, and they are the same bytes in every turn`()
        throws
    {
        var request = Self.request()
        request.tools.append(ModelTool(name: "last", summary: "", input: RawJSON(#"{"type":"object"}"#)))
        let mark = #"{"type":"ephemeral"}"#
        func prefix(_ request: ModelRequest) throws -> [[UInt8]?] {
            let body = try body(.anthropic, request)
            let tools = body["tools"]?.elements.map { $0 } ?? []
            let system = body["system"]?.elements.map { $0 } ?? []
            #expect(tools.count == 2 && tools[0]["cache_control"] == nil && system.count == 1)
            expect(tools.last?["cache_control"], mark)
            expect(system.last?["cache_control"], mark)
            return [body["tools"]?.raw.bytes, body["system"]?.raw.bytes]
        }
        let first = try prefix(request)
        request.messages.removeLast()
        request.messages.append(ModelMessage(.user, [.text("something else")]))
        #expect(try prefix(request) == first)
    }

    @Test func `a tool's summary is no longer than OpenAI allows`() throws {
        var request = Self.request()
        request.tools[0].summary = String(repeating: "ä", count: 2000)
        let chat = try body(.openAIChat, request)["tools"]?.elements.first { _ in true }?["function"]?["description"]
        let responses = try body(.openAIResponses, request)["tools"]?.elements.first { _ in true }?["description"]
        #expect(chat?.string?.count == 1024 && responses?.string?.count == 1024)
        let messages = try body(.anthropic, request)["tools"]?.elements.first { _ in true }?["description"]
        #expect(messages?.string?.count == 2000)
    }

    @Test func `Messages has a limit in every request`() throws {
        var request = Self.request()
        request.maximumOutputTokens = nil
        #expect(try body(.anthropic, request)["max_tokens"]?.int == 8192)
        let facts = ModelFacts(maximumOutputTokens: 500)
        #expect(try body(.anthropic, request, WireOptions(facts: facts))["max_tokens"]?.int == 500)
    }

    @Test func `Ollama: the context is always sent, and the format only where no tool may be called`() throws {
        let body = try body(.ollama)
        let calls =
            #"{"function":{"name":"web_find","arguments":{"q":"x"}}},{"function":{"name":"web_find","arguments":{"q":"y"}}}"#
        let messages = String(decoding: (body["messages"] ?? .null).raw.bytes, as: UTF8.self)
        #expect(
            messages.hasSuffix(
                #"{"role":"user","content":"find it"},{"role":"assistant","content":"Looking.","tool_calls":[\#(calls)]},"#
                    + #"{"role":"tool","tool_name":"web_find","content":"found"},"#
                    + #"{"role":"tool","tool_name":"web_find","content":"Error: gone"},{"role":"user","content":"and now?"}]"#
            ),
            "\(messages)"
        )
        expect(body["options"], #"{"num_ctx":8192,"num_predict":99,"temperature":1.5}"#)
        #expect(body["format"] == nil)
        #expect(body["tools"] != nil)
        let final = try self.body(.ollama, Self.request(.none))
        expect(final["format"], #"{"type":"object"}"#)
        #expect(final["tools"] == nil)
        let known = try self.body(.ollama, Self.request(), WireOptions(facts: ModelFacts(contextTokens: 4096)))
        #expect(known["options"]?["num_ctx"]?.int == 4096)
        var long = Self.request()
        long.messages.append(ModelMessage(.user, [.text(String(repeating: "word ", count: 10_000))]))
        #expect(try self.body(.ollama, long)["options"]?["num_ctx"]?.int == 32_768)
    }
}
