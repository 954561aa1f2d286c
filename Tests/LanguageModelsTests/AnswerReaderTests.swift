import JSON
import Testing

@testable import LanguageModels

@Suite struct AnswerReaderTests {
    private struct Outcome: Equatable {
        var reply: ModelMessage
        var finish: ModelFinish
        var usage: ModelUsage
        var text = ""
        var thought = ""
        var begun: [String] = []
    }

    /// Reads an answer that comes in pieces of some size.
    private func read(_ wire: Wire, _ bytes: [UInt8], by size: Int) throws -> Outcome {
        var reader = AnswerReader(wire)
        var deltas: [ModelDelta] = []
        var rest = bytes[...]
        while !rest.isEmpty {
            deltas += try reader.feed(Array(rest.prefix(size)))
            rest = rest.dropFirst(size)
        }
        let (reply, last) = try reader.end()
        deltas += last
        var outcome = Outcome(reply: reply.message, finish: reply.finish, usage: reply.usage)
        for delta in deltas {
            switch delta {
            case .text(let text): outcome.text += text
            case .reasoning(let text): outcome.thought += text
            case .toolCall(let name): outcome.begun.append(name)
            }
        }
        return outcome
    }

    private func read(_ wire: Wire, _ text: String) throws -> Outcome { try read(wire, Array(text.utf8), by: .max) }

    private func failure(_ wire: Wire, _ text: String) -> ModelFailure.Code? {
        do {
            _ = try read(wire, text)
            return nil
        } catch {
            return (error as? ModelFailure)?.code
        }
    }

    private func events(_ data: String...) -> String { data.map { "data: \($0)\n\n" }.joined() }

    @Test(arguments: Wire.allCases) func `an answer is the same however its bytes are cut`(wire: Wire) throws {
        let text = Fixtures.answer(wire)
        let whole = try read(wire, text)
        #expect(whole.reply.text == "Grüße, \u{1F600}!")
        #expect(whole.text == whole.reply.text)
        #expect(whole.thought == "Hmm, ö.")
        #expect(whole.begun == ["find", "list"])
        #expect(whole.finish == .toolCalls)
        #expect(whole.reply.toolCalls.map(\.name) == ["find", "list"])
        #expect(whole.reply.toolCalls.map(\.arguments) == [RawJSON(#"{"word":"ä"}"#), .emptyObject])
        #expect(whole.usage == Fixtures.usage(wire))
        for size in [1, 2, 3, 7, 100] {
            #expect(try read(wire, Array(text.utf8), by: size) == whole)
            #expect(try read(wire, Array(text.replacing("\n", with: "\r\n").utf8), by: size) == whole)
        }
    }

    @Test(arguments: Wire.allCases) func `an answer without its end is broken`(wire: Wire) throws {
        let text = Fixtures.answer(wire)
        let end = try #require(text.firstRange(of: Fixtures.endBegins(wire)))
        #expect(failure(wire, String(text[..<end.lowerBound])) == .streamBroken)
        #expect(failure(wire, "") == .streamBroken)
    }

    @Test(arguments: Wire.allCases) func `garbage is named, and so is what is too large`(wire: Wire) throws {
        for text in ["<html>no</html>\n", "{]\n", "data: {]\n\n", "data: [1]\n\n", "[1]\n"] {
            #expect(failure(wire, text) == .answerInvalid, "\(text)")
        }
        var small = AnswerReader(wire, limits: AnswerLimits(bytes: 100))
        let many = #expect(throws: ModelFailure.self) { _ = try small.feed(Array(repeating: 10, count: 101)) }
        #expect(many?.code == .answerTooLarge)
        var narrow = AnswerReader(wire, limits: AnswerLimits(eventBytes: 50))
        let long = #expect(throws: ModelFailure.self) { _ = try narrow.feed(Array(repeating: 65, count: 60)) }
        #expect(long?.code == .answerTooLarge)
    }

    @Test func `a last line needs no line feed`() throws {
        let text = #"{"message":{"content":"a"},"done":false}"# + "\n" + #"{"message":{"content":"b"},"done":true}"#
        let outcome = try read(.ollama, text)
        #expect(outcome.text == "ab" && outcome.reply.text == "ab")
    }

    @Test func `several data lines are one event`() throws {
        let text =
            "data: {\"choices\":[{\"delta\":\ndata: {\"content\":\"a\"},\ndata: \"finish_reason\":\"stop\"}]}\n\n"
        #expect(try read(.openAIChat, text).reply.text == "a")
    }

    @Test func `what some servers do to Chat Completions is understood`() throws {
        // No usage, no [DONE], "stop" behind calls, an empty finish_reason, padding, a second choice.
        let outcome = try read(
            .openAIChat,
            ": comment\n\n"
                + events(
                    #"{"choices":[{"delta":{"content":null},"finish_reason":""}],"obfuscation":"xx"}"#,
                    #"{"choices":[{"index":1,"delta":{"content":"other"}}]}"#,
                    #"{"choices":[{"delta":{"tool_calls":[{"index":0,"function":{"name":"f","arguments":{"x":1}}}]}}]}"#,
                    #"{"choices":[{"delta":{},"finish_reason":"stop"}]}"#
                )
        )
        #expect(outcome.finish == .toolCalls)
        #expect(outcome.reply.toolCalls.map(\.id) == ["call_0"])
        #expect(outcome.reply.toolCalls.map(\.arguments) == [RawJSON(#"{"x":1}"#)])
        #expect(outcome.usage.isEstimated)
        #expect(
            try read(.openAIChat, events(#"{"choices":[{"delta":{"refusal":"no"},"finish_reason":"stop"}]}"#)).finish
                == .refused
        )
        #expect(
            try read(.openAIChat, events(#"{"choices":[{"delta":{},"finish_reason":"tool_calls"}]}"#)).finish == .stop
        )
        // Cut off in a call: nothing to execute.
        let cut = try read(
            .openAIChat,
            events(
                #"{"choices":[{"delta":{"tool_calls":[{"index":0,"id":"a","function":{"name":"f","arguments":"{\"x"}}]},"finish_reason":"length"}]}"#
            )
        )
        #expect(cut.finish == .length)
        #expect(cut.reply.toolCalls.first?.defect != nil)
    }

    @Test func `a response without numbers, added items and deltas is understood`() throws {
        let outcome = try read(
            .openAIResponses,
            events(
                #"{"type":"response.created","response":{}}"#,
                #"{"type":"response.shell_call.new","output_index":9}"#,
                #"{"type":"response.output_item.done","output_index":0,"item":{"type":"message","content":[{"type":"output_text","text":"a"}]}}"#,
                #"{"type":"response.output_item.done","output_index":1,"item":{"type":"function_call","id":"x","call_id":"c","name":"f","arguments":"{\"n\":1}"}}"#,
                #"{"type":"response.completed","response":{}}"#,
                "[DONE]"
            )
        )
        #expect(outcome.text == "a")
        #expect(outcome.reply.toolCalls == [ModelToolCall(id: "c", name: "f", arguments: RawJSON(#"{"n":1}"#))])
        #expect(outcome.finish == .toolCalls)
        // Items named by their id alone, by another id at the same place, and not at all.
        for (added, delta, done) in [
            (#""item_id":"i""#, #""item_id":"i""#, #""item_id":"i""#),
            (#""output_index":0,"item_id":"i""#, #""output_index":0,"item_id":"j""#, #""output_index":0"#),
            (#""x":1"#, #""x":1"#, #""x":1"#),
        ] {
            let said = try read(
                .openAIResponses,
                events(
                    #"{"type":"response.output_item.added",\#(added),"item":{"type":"message"}}"#,
                    #"{"type":"response.output_text.delta",\#(delta),"delta":"once"}"#,
                    #"{"type":"response.output_item.done",\#(done),"item":{"type":"message","content":[{"text":"once"}]}}"#,
                    #"{"type":"response.completed","response":{"output":[{"type":"message","content":[{"text":"once"}]}]}}"#
                )
            )
            #expect(said.text == "once" && said.reply.text == "once")
        }
        // Only the last event has anything.
        let last = try read(
            .openAIResponses,
            events(
                #"{"type":"response.completed","response":{"output":[{"type":"message","content":[{"type":"refusal","refusal":"no"}]}]}}"#
            )
        )
        #expect(last.text == "no")
        #expect(last.finish == .refused)
        let cut = #"{"type":"response.incomplete","response":{"incomplete_details":{"reason":"max_output_tokens"}}}"#
        #expect(try read(.openAIResponses, events(cut)).finish == .length)
    }

    @Test func `reasoning that can be given back is kept as it came`() throws {
        let messages = try read(.anthropic, Fixtures.answer(.anthropic)).reply
        #expect(
            messages.parts.first
                == .reasoning(
                    ModelReasoning(
                        wire: "anthropic",
                        data: RawJSON(#"{"type":"thinking","thinking":"Hmm, ö.","signature":"c2ln"}"#)
                    )
                )
        )
        let responses = try read(.openAIResponses, Fixtures.answer(.openAIResponses)).reply
        let item = #"{"id":"rs_1","type":"reasoning","summary":[],"encrypted_content":"ZQ"}"#
        #expect(responses.parts.first == .reasoning(ModelReasoning(wire: "openai-responses", data: RawJSON(item))))
        let plain = #"{"type":"response.output_item.done","item":{"id":"rs_1","type":"reasoning","summary":[]}}"#
        let end = #"{"type":"response.completed","response":{}}"#
        #expect(try read(.openAIResponses, events(plain, end)).reply.parts.isEmpty)
    }

    @Test(arguments: [
        ("end_turn", ModelFinish.stop), ("stop_sequence", .stop), ("max_tokens", .length),
        ("model_context_window_exceeded", .length), ("pause_turn", .paused), ("refusal", .refused), ("new", .other),
    ])
    func `Anthropic's reasons for an end`(reason: String, finish: ModelFinish) throws {
        let text = events(
            #"{"type":"message_delta","delta":{"stop_reason":"\#(reason)"},"usage":{"output_tokens":3}}"#,
            #"{"type":"message_stop"}"#
        )
        #expect(try read(.anthropic, text).finish == finish)
    }

    @Test func `counts that come again are sums already`() throws {
        let text = events(
            #"{"type":"message_start","message":{"usage":{"input_tokens":3,"cache_read_input_tokens":4,"cache_creation_input_tokens":5,"output_tokens":1}}}"#,
            #"{"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":2}}"#,
            #"{"type":"message_delta","delta":{},"usage":{"input_tokens":30,"output_tokens":7}}"#,
            #"{"type":"message_stop"}"#
        )
        let usage = ModelUsage(inputTokens: 39, cachedInputTokens: 4, cacheWriteTokens: 5, outputTokens: 7)
        #expect(try read(.anthropic, text).usage == usage)
    }

    @Test(arguments: [
        (Wire.openAIChat, #"{"error":{"message":"busy","type":"server_error"}}"#, ModelFailure.Code.failed),
        (.openAIChat, #"{"error":{"message":"m","code":429}}"#, .rateLimited),
        (.openAIChat, #"{"error":{"message":"m","code":"context_length_exceeded"}}"#, .contextExceeded),
        (.openAIResponses, #"{"type":"error","code":"rate_limit_exceeded","message":"m"}"#, .rateLimited),
        (
            .openAIResponses, #"{"type":"response.failed","response":{"error":{"code":"server_error","message":"m"}}}"#,
            .failed
        ),
        (.anthropic, #"{"type":"error","error":{"type":"overloaded_error","message":"m"}}"#, .overloaded),
        (
            .anthropic, #"{"type":"error","error":{"type":"invalid_request_error","message":"prompt is too long: 9"}}"#,
            .contextExceeded
        ),
        (.ollama, #"{"error":"an error was encountered"}"#, .failed),
    ])
    func `an error in the middle is what it says`(wire: Wire, event: String, code: ModelFailure.Code) {
        #expect(failure(wire, wire == .ollama ? event + "\n" : events(event)) == code)
    }
}
