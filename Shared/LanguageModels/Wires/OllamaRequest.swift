import JSON

/// The body of Ollama's `POST …/api/chat`.
struct OllamaRequest {
    let body: [UInt8]

    init(_ request: ModelRequest, _ transcript: Transcript, _ names: ToolNames, _ options: WireOptions) {
        let tools = OllamaRequest.tools(request)
        // The format binds every answer, so that no tool would be called.
        let format = tools.isEmpty ? request.output : nil
        let instructions = format == nil ? request.instructionsWithSchema : request.instructions
        let messages = JSONWriter.bytes {
            $0.array {
                if let text = instructions, !text.isEmpty { $0.message("system", text) }
                for turn in transcript.turns { OllamaRequest.write(turn, names, &$0) }
            }
        }
        body = JSONWriter.bytes { json in
            json.object {
                $0.member("model", request.model)
                $0.member("stream", true)
                // What does not fit is to be an error. Servers that do not know the word cut off the beginning.
                $0.member("truncate", false)
                $0.member("messages", RawJSON(messages))
                if !tools.isEmpty {
                    $0.member("tools") { $0.array { for tool in tools { $0.function(tool, names) } } }
                }
                if let format { $0.member("format", format.schema) }
                $0.member("options") {
                    $0.object {
                        $0.member("num_ctx", Self.context(request, messages.count, options.facts))
                        if let limit = request.maximumOutputTokens { $0.member("num_predict", limit) }
                        if let temperature = request.temperature { $0.member("temperature", temperature) }
                    }
                }
            }
        }
    }

    /// The wire has no word for whether tools may be called: what may not is not there.
    private static func tools(_ request: ModelRequest) -> [ModelTool] {
        switch request.choice {
        case .auto, .required: request.tools
        case .none: []
        case .tool(let name): request.tools.filter { $0.name == name }
        }
    }

    /// The size of the context. A server's own default is small and cuts off the beginning without a word. Where the
    /// model's is not known it is the power of two that surely holds the conversation, for a change loads the model
    /// anew.
    private static func context(_ request: ModelRequest, _ bytes: Int, _ facts: ModelFacts) -> Int {
        if let known = facts.contextTokens { return known }
        let tools = request.tools.reduce(0) { $0 + $1.summary.utf8.count + $1.input.bytes.count }
        let wanted = (bytes + tools) / 3 + (request.maximumOutputTokens ?? 2048)
        var context = 8192
        while context < wanted, context < 1 << 17 { context *= 2 }
        return context
    }

    private static func write(_ turn: Transcript.Turn, _ names: ToolNames, _ json: inout JSONWriter) {
        switch turn {
        case .user(let results, let text):
            for result in results {
                json.object {
                    $0.member("role", "tool")
                    $0.member("tool_name", names.wire(result.name))
                    $0.member("content", result.markedText)
                }
            }
            if let text { json.message("user", text) }
        case .assistant(let parts):
            let calls = ModelMessage(.assistant, parts).toolCalls
            json.object {
                $0.member("role", "assistant")
                $0.member("content", parts.spoken ?? "")
                guard !calls.isEmpty else { return }
                $0.member("tool_calls") {
                    $0.array {
                        for call in calls {
                            $0.object {
                                $0.member("function") {
                                    $0.object {
                                        $0.member("name", names.wire(call.name))
                                        $0.member("arguments", call.arguments)
                                    }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}
