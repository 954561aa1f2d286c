import JSON

/// The body of `POST …/responses`. Nothing is left with the provider: the whole conversation is sent, and reasoning
/// comes and goes encrypted.
struct ResponsesRequest {
    let body: [UInt8]

    init(_ request: ModelRequest, _ transcript: Transcript, _ names: ToolNames, _ options: WireOptions) {
        body = JSONWriter.bytes { json in
            json.object {
                $0.member("model", request.model)
                $0.member("stream", true)
                $0.member("store", false)
                if options.encryptedReasoning {
                    $0.member("include") { $0.array { $0.value("reasoning.encrypted_content") } }
                }
                if let text = request.instructions, !text.isEmpty { $0.member("instructions", text) }
                $0.member("input") {
                    $0.array { for turn in transcript.turns { ResponsesRequest.write(turn, names, &$0) } }
                }
                ResponsesRequest.write(tools: request, names, &$0)
                if let output = request.output {
                    $0.member("text") {
                        $0.object {
                            $0.member("format") {
                                $0.object {
                                    $0.member("type", "json_schema")
                                    $0.member("name", ToolNames.fitted(output.name, atMost: 64))
                                    $0.member("schema", output.schema)
                                    // Strict mode refuses schemas that do not name every property as required.
                                    $0.member("strict", false)
                                }
                            }
                        }
                    }
                }
                if let limit = request.maximumOutputTokens { $0.member("max_output_tokens", limit) }
                if let temperature = request.temperature { $0.member("temperature", temperature) }
            }
        }
    }

    private static func write(_ turn: Transcript.Turn, _ names: ToolNames, _ json: inout JSONWriter) {
        switch turn {
        case .user(let results, let text):
            for result in results {
                json.object {
                    $0.member("type", "function_call_output")
                    $0.member("call_id", result.callID)
                    $0.member("output", result.markedText)
                }
            }
            if let text { json.message("user", text) }
        case .assistant(let parts):
            for part in parts { write(part, names, &json) }
        }
    }

    private static func write(_ part: ModelPart, _ names: ToolNames, _ json: inout JSONWriter) {
        switch part {
        case .text(let text): json.message("assistant", text)
        case .toolCall(let call):
            json.object {
                $0.member("type", "function_call")
                $0.member("call_id", call.id)
                $0.member("name", names.wire(call.name))
                $0.member("arguments", String(decoding: call.arguments.bytes, as: UTF8.self))
            }
        case .reasoning(let reasoning): json.value(reasoning.data)
        case .toolResult: break
        }
    }

    private static func write(tools request: ModelRequest, _ names: ToolNames, _ json: inout JSONWriter) {
        guard !request.tools.isEmpty else { return }
        json.member("tools") {
            $0.array {
                for tool in request.tools {
                    $0.object {
                        $0.member("type", "function")
                        $0.member("name", names.wire(tool.name))
                        $0.member("description", tool.shortSummary)
                        $0.member("parameters", tool.input)
                        $0.member("strict", false)
                    }
                }
            }
        }
        json.member("tool_choice") {
            switch request.choice {
            case .auto: $0.value("auto")
            case .none: $0.value("none")
            case .required: $0.value("required")
            case .tool(let name):
                $0.object {
                    $0.member("type", "function")
                    $0.member("name", names.wire(name))
                }
            }
        }
    }
}
