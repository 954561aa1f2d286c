import JSON
import LanguageModels

extension FuzzTarget {
    /// The answers of language models, on each wire.
    static let modelAnswers = Wire.allCases.map { wire in
        FuzzTarget("model-\(wire.rawValue)", corpus(wire)) { input, random in
            let whole = try read(wire, [input[...]])
            let cut = try read(wire, random.pieces(of: input))
            guard same(whole, cut) else { throw Broken("cut up it says something else") }
            guard case .success(let reply) = whole else { return false }
            let calls = reply.message.toolCalls
            guard calls.count <= 128 else { throw Broken("\(calls.count) calls, of at most 128") }
            guard Set(calls.map(\.id)).count == calls.count else { throw Broken("two calls have one id") }
            try check(reply.message)
            return true
        }
    }

    private static func read(
        _ wire: Wire,
        _ pieces: [ArraySlice<UInt8>]
    ) throws -> Result<ModelReply, ModelFailure> {
        var reader = AnswerReader(wire)
        var said = ""
        do {
            for piece in pieces {
                for case .text(let text) in try reader.feed(Array(piece)) { said += text }
            }
            let (reply, last) = try reader.end()
            for case .text(let text) in last { said += text }
            guard reply.message.text == said else { throw Broken("it has given out something else than it says") }
            return .success(reply)
        } catch let failure as ModelFailure {
            return .failure(failure)
        }
    }

    private static func same(_ a: Result<ModelReply, ModelFailure>, _ b: Result<ModelReply, ModelFailure>) -> Bool {
        switch (a, b) {
        case (.success(let a), .success(let b)):
            a.message == b.message && a.finish == b.finish && a.usage == b.usage && a.id == b.id
        case (.failure(let a), .failure(let b)): a == b
        default: false
        }
    }

    private static func check(_ message: ModelMessage) throws {
        let json: JSONElement
        do {
            json = try JSONDocument(parsing: JSONWriter.bytes { $0.value(message) }).root
        } catch {
            throw Broken("a message is written as what is not JSON")
        }
        do {
            guard try ModelMessage(json: json) == message else { throw Broken("a message reads back differently") }
        } catch let error as ModelMessageError {
            throw Broken("a message is not read back: \(error)")
        }
    }

    private static func corpus(_ wire: Wire) -> [String] {
        func events(_ data: [String]) -> String { data.map { "data: \($0)\n\n" }.joined() }
        switch wire {
        case .openAIChat:
            func delta(_ json: String) -> String { #"{"choices":[{"index":0,"delta":\#(json)}]}"# }
            let end = [#"{"choices":[{"delta":{},"finish_reason":"stop"}],"usage":{"prompt_tokens":1}}"#, "[DONE]"]
            return [
                events([delta(#"{"content":"Grüße \ud83d\ude00","reasoning_content":"hm"}"#)] + end),
                events(
                    [
                        delta(#"{"tool_calls":[{"index":0,"id":"a","function":{"name":"f","arguments":""}}]}"#),
                        delta(#"{"tool_calls":[{"index":0,"function":{"arguments":"{\"x\":"}},{"index":1,"id":"b"}]}"#),
                        delta(#"{"tool_calls":[{"index":0,"function":{"arguments":"1}"}},{"id":"a"}]}"#),
                    ] + end
                ),
                events(
                    [delta(#"{"tool_calls":[{"function":{"name":"f","arguments":"{}"}},{"function":{"name":"g"}}]}"#)]
                        + end
                ),
                events([delta(#"{"tool_calls":[{"index":0,"function":{"name":"f","arguments":{"x":[1]}}}]}"#)] + end),
                events([#"{"error":{"message":"m","type":"server_error","code":429}}"#]),
            ]
        case .openAIResponses:
            let call = #"{"id":"i","type":"function_call","call_id":"c","name":"f","arguments":""}"#
            return [
                events([
                    #"{"type":"response.created","response":{"id":"r"}}"#,
                    #"{"type":"response.output_text.delta","output_index":0,"item_id":"m","delta":"Grüße"}"#,
                    #"{"type":"response.output_item.added","output_index":1,"item":\#(call)}"#,
                    #"{"type":"response.function_call_arguments.delta","output_index":1,"item_id":"i","delta":"{\"x\":1}"}"#,
                    #"{"type":"response.output_item.done","output_index":2,"item":{"type":"reasoning","encrypted_content":"e"}}"#,
                    #"{"type":"response.completed","response":{"usage":{"input_tokens":1,"output_tokens":2}}}"#,
                ]),
                events([
                    #"{"type":"response.incomplete","response":{"output":[{"type":"message","content":[{"text":"a"}]},\#(call)],"incomplete_details":{"reason":"max_output_tokens"}}}"#
                ]), events([#"{"type":"response.failed","response":{"error":{"code":"server_error","message":"m"}}}"#]),
            ]
        case .anthropic:
            let end = [
                #"{"type":"message_delta","delta":{"stop_reason":"tool_use"},"usage":{"output_tokens":2}}"#,
                #"{"type":"message_stop"}"#,
            ]
            return [
                events(
                    [
                        #"{"type":"message_start","message":{"id":"m","usage":{"input_tokens":1}}}"#,
                        #"{"type":"ping"}"#,
                        #"{"type":"content_block_start","index":0,"content_block":{"type":"thinking","thinking":""}}"#,
                        #"{"type":"content_block_delta","index":0,"delta":{"type":"thinking_delta","thinking":"hm"}}"#,
                        #"{"type":"content_block_delta","index":0,"delta":{"type":"signature_delta","signature":"s"}}"#,
                        #"{"type":"content_block_stop","index":0}"#,
                        #"{"type":"content_block_start","index":1,"content_block":{"type":"tool_use","id":"a","name":"f","input":{}}}"#,
                        #"{"type":"content_block_delta","index":1,"delta":{"type":"input_json_delta","partial_json":"{\"x\":1}"}}"#,
                    ] + end
                ),
                events(
                    [
                        #"{"type":"content_block_start","index":0,"content_block":{"type":"text","text":"Grüße"}}"#,
                        #"{"type":"content_block_start","index":1,"content_block":{"type":"redacted_thinking","data":"d"}}"#,
                        #"{"type":"content_block_start","index":2,"content_block":{"type":"tool_use","name":"f","input":{"x":1}}}"#,
                    ] + end
                ), events([#"{"type":"error","error":{"type":"overloaded_error","message":"m"}}"#]),
            ]
        case .ollama:
            return [
                #"{"message":{"content":"Grüße","thinking":"hm"},"done":false}"# + "\n"
                    + #"{"message":{"tool_calls":[{"function":{"name":"f","arguments":{"x":1}}},{"id":"a","function":{"name":"g"}}]}}"#
                    + "\n"
                    + #"{"message":{"content":""},"done":true,"done_reason":"stop","prompt_eval_count":1,"eval_count":2}"#
                    + "\n", #"{"message":{"content":"a"},"done":true}"#, #"{"error":"m"}"#,
            ]
        }
    }
}
