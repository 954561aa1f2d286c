import JSON

/// The body of Anthropic's `POST …/messages`.
///
/// Two marks make the provider keep the beginning of the prompt, which is the same in all turns of a run: one behind the
/// tools, and one behind what stands above the conversation, which may change from turn to turn.
struct MessagesRequest {
    /// The wire wants a limit in every request.
    static let defaultOutputTokens = 8192

    let body: [UInt8]

    init(_ request: ModelRequest, _ transcript: Transcript, _ names: ToolNames, _ options: WireOptions) {
        let limit = request.maximumOutputTokens ?? options.facts.maximumOutputTokens ?? Self.defaultOutputTokens
        body = JSONWriter.bytes { json in
            json.object {
                $0.member("model", request.model)
                $0.member("stream", true)
                $0.member("max_tokens", limit)
                if let text = request.instructionsWithSchema {
                    $0.member("system") { $0.array { MessagesRequest.write(text, isKept: true, &$0) } }
                }
                $0.member("messages") {
                    $0.array { for turn in transcript.turns { MessagesRequest.write(turn, names, &$0) } }
                }
                MessagesRequest.write(tools: request, transcript, names, &$0)
                // OpenAI's scale goes to 2, this one to 1.
                if let temperature = request.temperature { $0.member("temperature", min(1, temperature)) }
            }
        }
    }

    private static func write(_ turn: Transcript.Turn, _ names: ToolNames, _ json: inout JSONWriter) {
        switch turn {
        case .user(let results, let text):
            json.object {
                $0.member("role", "user")
                $0.member("content") {
                    $0.array {
                        for result in results { write(result, &$0) }
                        if let text { write(text, &$0) }
                    }
                }
            }
        case .assistant(let parts):
            json.object {
                $0.member("role", "assistant")
                $0.member("content") { $0.array { for part in parts { write(part, names, &$0) } } }
            }
        }
    }

    private static func write(_ text: String, isKept: Bool = false, _ json: inout JSONWriter) {
        json.object {
            $0.member("type", "text")
            $0.member("text", text)
            if isKept { writeMark(&$0) }
        }
    }

    /// Everything up to the end of what has it is to be kept by the provider, for some minutes.
    private static func writeMark(_ json: inout JSONWriter) {
        json.member("cache_control") { json in json.object { $0.member("type", "ephemeral") } }
    }

    private static func write(_ result: ModelToolResult, _ json: inout JSONWriter) {
        json.object {
            $0.member("type", "tool_result")
            $0.member("tool_use_id", result.callID)
            if !result.text.allSatisfy(\.isWhitespace) { $0.member("content", result.text) }
            if result.isError { $0.member("is_error", true) }
        }
    }

    private static func write(_ part: ModelPart, _ names: ToolNames, _ json: inout JSONWriter) {
        switch part {
        case .text(let text): write(text, &json)
        case .toolCall(let call):
            json.object {
                $0.member("type", "tool_use")
                $0.member("id", call.id)
                $0.member("name", names.wire(call.name))
                $0.member("input", call.arguments)
            }
        case .reasoning(let reasoning): json.value(reasoning.data)
        case .toolResult: break
        }
    }

    private static func write(
        tools request: ModelRequest,
        _ transcript: Transcript,
        _ names: ToolNames,
        _ json: inout JSONWriter
    ) {
        // A conversation with calls is refused where no tool is declared; what was called is, then, to be left alone.
        let gone = request.tools.isEmpty ? Set(transcript.turns.flatMap(\.calledNames)).sorted() : []
        let tools = request.tools + gone.map { ModelTool(name: $0, summary: "", input: RawJSON(#"{"type":"object"}"#)) }
        guard !tools.isEmpty else { return }
        json.member("tools") {
            $0.array {
                for (index, tool) in tools.enumerated() {
                    $0.object {
                        $0.member("name", names.wire(tool.name))
                        $0.member("description", tool.summary)
                        $0.member("input_schema", tool.input)
                        if index == tools.count - 1 { writeMark(&$0) }
                    }
                }
            }
        }
        let choice = request.tools.isEmpty ? .none : request.choice
        json.member("tool_choice") {
            $0.object {
                switch choice {
                case .auto: $0.member("type", "auto")
                case .none: $0.member("type", "none")
                case .required: $0.member("type", "any")
                case .tool(let name):
                    $0.member("type", "tool")
                    $0.member("name", names.wire(name))
                }
            }
        }
    }
}

extension Transcript.Turn {
    fileprivate var calledNames: [String] {
        guard case .assistant(let parts) = self else { return [] }
        return ModelMessage(.assistant, parts).toolCalls.map(\.name)
    }
}

extension ModelRequest {
    /// The instructions, and the schema of the answer for wires that have no other place for it.
    var instructionsWithSchema: String? {
        var texts = [instructions ?? ""]
        if let output {
            let schema = String(decoding: output.schema.bytes, as: UTF8.self)
            texts.append(
                "Your last answer must be one JSON value and nothing else, without a code fence, that this JSON Schema "
                    + "describes:\n\(schema)"
            )
        }
        let text = texts.filter { !$0.isEmpty }.joined(separator: "\n\n")
        return text.isEmpty ? nil : text
    }
}
