import JSON

/// The body of `POST …/chat/completions`.
struct ChatRequest {
    let body: [UInt8]

    init(_ request: ModelRequest, _ transcript: Transcript, _ names: ToolNames, _ options: WireOptions) {
        body = JSONWriter.bytes { json in
            json.object {
                $0.member("model", request.model)
                $0.member("stream", true)
                $0.member("stream_options") { $0.object { $0.member("include_usage", true) } }
                $0.member("messages") {
                    $0.array {
                        if let text = request.instructions, !text.isEmpty { $0.message("system", text) }
                        for turn in transcript.turns { ChatRequest.write(turn, names, &$0) }
                    }
                }
                ChatRequest.write(tools: request, names, &$0)
                if let output = request.output {
                    $0.member("response_format") {
                        $0.object {
                            $0.member("type", "json_schema")
                            $0.member("json_schema") {
                                $0.object {
                                    $0.member("name", ToolNames.fitted(output.name, atMost: 64))
                                    $0.member("schema", output.schema)
                                }
                            }
                        }
                    }
                }
                if let limit = request.maximumOutputTokens { $0.member(options.tokenLimitMember, limit) }
                if let temperature = request.temperature { $0.member("temperature", temperature) }
            }
        }
    }

    private static func write(_ turn: Transcript.Turn, _ names: ToolNames, _ json: inout JSONWriter) {
        switch turn {
        case .user(let results, let text):
            for result in results {
                json.object {
                    $0.member("role", "tool")
                    $0.member("tool_call_id", result.callID)
                    $0.member("content", result.markedText)
                }
            }
            if let text { json.message("user", text) }
        case .assistant(let parts):
            let message = ModelMessage(.assistant, parts)
            json.object {
                $0.member("role", "assistant")
                $0.member("content", parts.spoken)
                guard !message.toolCalls.isEmpty else { return }
                $0.member("tool_calls") {
                    $0.array { for call in message.toolCalls { write(call, names, &$0) } }
                }
            }
        }
    }

    private static func write(_ call: ModelToolCall, _ names: ToolNames, _ json: inout JSONWriter) {
        json.object {
            $0.member("id", call.id)
            $0.member("type", "function")
            $0.member("function") {
                $0.object {
                    $0.member("name", names.wire(call.name))
                    $0.member("arguments", String(decoding: call.arguments.bytes, as: UTF8.self))
                }
            }
        }
    }

    private static func write(tools request: ModelRequest, _ names: ToolNames, _ json: inout JSONWriter) {
        guard !request.tools.isEmpty else { return }
        json.member("tools") { $0.array { for tool in request.tools { $0.function(tool, names) } } }
        json.member("tool_choice") {
            switch request.choice {
            case .auto: $0.value("auto")
            case .none: $0.value("none")
            case .required: $0.value("required")
            case .tool(let name):
                $0.object {
                    $0.member("type", "function")
                    $0.member("function") { $0.object { $0.member("name", names.wire(name)) } }
                }
            }
        }
    }
}

extension JSONWriter {
    /// A message that is nothing but text.
    mutating func message(_ role: String, _ text: String) {
        object {
            $0.member("role", role)
            $0.member("content", text)
        }
    }

    /// A tool as Chat Completions and Ollama want it.
    mutating func function(_ tool: ModelTool, _ names: ToolNames) {
        object {
            $0.member("type", "function")
            $0.member("function") {
                $0.object {
                    $0.member("name", names.wire(tool.name))
                    $0.member("description", tool.shortSummary)
                    $0.member("parameters", tool.input)
                }
            }
        }
    }
}

extension [ModelPart] {
    /// What is said in a turn; `nil` if nothing is.
    var spoken: String? {
        let texts = compactMap { part -> String? in
            if case .text(let text) = part { text } else { nil }
        }
        return texts.isEmpty ? nil : texts.joined(separator: "\n\n")
    }
}

extension ModelTool {
    /// The summary, as long as OpenAI allows it to be.
    var shortSummary: String { String(summary.prefix(1024)) }
}

extension ModelToolResult {
    /// The text, for wires that have no word for failure.
    var markedText: String { isError ? "Error: \(text)" : text }
}
