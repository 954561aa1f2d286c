import Concurrency
import Contracts
import JSON

/// What the official conformance suite calls by name, so that anybody can run it against this server. None of it is
/// there unless MCP_CONFORMANCE_FIXTURES says so.
struct MCPFixtures: Sendable {
    private static let png =
        "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg=="
    private static let wav = "UklGRiQAAABXQVZFZm10IBAAAAABAAEAQB8AAEAfAAABAAgAZGF0YQAAAAA="
    private static let template = "test://template/{id}/data"

    /// What became of calls of test_slow.
    private final class Slow: Sendable {
        struct Counts {
            var started = 0
            var cancelled = 0
            var done = 0
        }
        let counts = Lock(Counts())
    }

    private let slow = Slow()
    let subscriptions: MCPSubscriptions

    init(_ subscriptions: MCPSubscriptions) { self.subscriptions = subscriptions }

    /// The tools.
    var tools: [Tool] {
        let trigger = tool("test_trigger_tool_change", "Says that there are other tools") { _ in
            subscriptions.toolsChanged()
            return .text("ok")
        }
        return contents + behaviours + slowOnes + [trigger]
    }

    private var contents: [Tool] {
        [
            tool("test_simple_text", "Returns a text") { _ in .text("This is a simple text response for testing.") },
            tool("test_image_content", "Returns an image") { _ in
                ToolAnswer(content: [.image(base64: MCPFixtures.png, type: "image/png")])
            },
            tool("test_audio_content", "Returns a sound") { _ in
                ToolAnswer(content: [.audio(base64: MCPFixtures.wav, type: "audio/wav")])
            },
            tool("test_embedded_resource", "Returns a resource") { _ in
                ToolAnswer(content: [
                    .resource(
                        uri: "test://embedded-resource",
                        type: "text/plain",
                        text: "This is an embedded resource content."
                    )
                ])
            },
            tool("test_multiple_content_types", "Returns a text, an image and a resource") { _ in
                ToolAnswer(content: [
                    .text("Multiple content types test:"), .image(base64: MCPFixtures.png, type: "image/png"),
                    .resource(
                        uri: "test://mixed-content-resource",
                        type: "application/json",
                        text: #"{"test":"data","value":123}"#
                    ),
                ])
            },
        ]
    }

    private var behaviours: [Tool] {
        let numbers = JSONSchema.object([.required("a", .any), .required("b", .any)])
        let sum = JSONSchema.object([
            .required("sum", .number(-1e300...1e300)), .required("terms", .array(of: .number(-1e300...1e300))),
        ])
        return [
            tool("test_error_handling", "Always fails") { _ in
                var answer = ToolAnswer.text("This tool intentionally returns an error for testing")
                answer.isError = true
                return answer
            },
            tool("test_tool_with_progress", "Tells three times how far it is") { call in
                for done in [0.0, 50, 100] {
                    call.progress(ToolProgress(done: done, total: 100))
                    try await Task.sleep(for: .milliseconds(50))
                }
                return .text("done")
            },
            tool("test_structured", "Adds two numbers", numbers, output: sum) { call in
                let terms = [call.arguments["a"]?.double ?? 0, call.arguments["b"]?.double ?? 0]
                return .object(
                    RawJSON(
                        JSONWriter.bytes { json in
                            json.object {
                                $0.member("sum", terms[0] + terms[1])
                                $0.member("terms", terms)
                            }
                        }
                    )
                )
            },
            tool("test_validation", "Takes a count from 1 to 5", .object([.required("count", .integer(1...5))])) {
                call in
                .text(String(repeating: "x", count: call.arguments["count"]?.int ?? 0))
            },
        ]
    }

    private var slowOnes: [Tool] {
        [
            tool("test_slow", "Sleeps", .object([.required("seconds", .number(0...60))]), timeout: .seconds(61)) {
                call in
                let seconds = call.arguments["seconds"]?.double ?? 0
                let steps = max(1, Int(seconds / 0.2))
                slow.counts.withLock { $0.started += 1 }
                do {
                    for step in 0..<steps {
                        call.progress(ToolProgress(done: Double(step), total: Double(steps)))
                        try await Task.sleep(for: .seconds(seconds / Double(steps)))
                    }
                } catch {
                    slow.counts.withLock { $0.cancelled += 1 }
                    throw error
                }
                slow.counts.withLock { $0.done += 1 }
                return .text("slept")
            },
            tool("test_slow_state", "Counts the calls of test_slow") { _ in
                let counts = slow.counts.withLock { $0 }
                return .object(
                    RawJSON(
                        JSONWriter.bytes { json in
                            json.object {
                                $0.member("slow_started", counts.started)
                                $0.member("slow_cancelled", counts.cancelled)
                                $0.member("slow_done", counts.done)
                            }
                        }
                    )
                )
            },
        ]
    }

    private func tool(
        _ name: String,
        _ summary: String,
        _ input: JSONSchema = .object([]),
        output: JSONSchema? = nil,
        timeout: Duration = .seconds(30),
        _ run: @escaping @Sendable (ToolCall) async throws -> ToolAnswer
    ) -> Tool {
        Tool(
            name: name,
            title: name,
            summary: summary,
            input: input,
            output: output,
            effect: .read,
            scope: nil,
            timeout: timeout,
            run: run
        )
    }

    /// The prompts.
    var prompts: [MCPPrompt] {
        let two = ["arg1", "arg2"].map { MCPPrompt.Argument(name: $0, summary: "Any text") }
        return [
            MCPPrompt(name: "test_simple_prompt", title: "Simple", summary: "A prompt without arguments") { _ in
                [.text("This is a simple prompt for testing.")]
            },
            MCPPrompt(name: "test_prompt_with_arguments", title: "Two", summary: "Takes two", arguments: two) { given in
                [.text("Prompt with arguments: arg1='\(given["arg1"] ?? "")', arg2='\(given["arg2"] ?? "")'")]
            },
            MCPPrompt(
                name: "test_prompt_with_embedded_resource",
                title: "Resource",
                summary: "Embeds a resource",
                arguments: [MCPPrompt.Argument(name: "resourceUri", summary: "Its URI")]
            ) { given in
                [
                    .resource(
                        uri: given["resourceUri"] ?? "",
                        type: "text/plain",
                        text: "Embedded resource content for testing."
                    ), .text("Please process the embedded resource above."),
                ]
            },
            MCPPrompt(name: "test_prompt_with_image", title: "Image", summary: "Embeds an image") { _ in
                [.image(base64: MCPFixtures.png, type: "image/png"), .text("Please analyze the image above.")]
            },
        ]
    }

    /// The resources as they are listed.
    var resources: [RawJSON] {
        [
            RawJSON(#"{"uri":"test://static-text","name":"static-text","mimeType":"text/plain"}"#),
            RawJSON(#"{"uri":"test://static-binary","name":"static-binary","mimeType":"image/png"}"#),
        ]
    }

    /// The templates as they are listed.
    var templates: [RawJSON] {
        [RawJSON(#"{"uriTemplate":"test://template/{id}/data","name":"template","mimeType":"application/json"}"#)]
    }

    func holds(_ template: String) -> Bool { template == MCPFixtures.template }

    func read(_ uri: String) -> MCPContents? {
        switch uri {
        case "test://static-text":
            return MCPContents(uri: uri, type: "text/plain", text: "This is the content of the static text resource.")
        case "test://static-binary": return MCPContents(uri: uri, type: "image/png", blob: MCPFixtures.png)
        default:
            guard uri.hasPrefix("test://template/"), uri.hasSuffix("/data") else { return nil }
            let id = String(uri.dropFirst(16).dropLast(5))
            let text = JSONWriter.bytes { json in
                json.object {
                    $0.member("id", id)
                    $0.member("templateTest", true)
                    $0.member("data", "Data for ID: \(id)")
                }
            }
            return MCPContents(uri: uri, type: "application/json", text: String(decoding: text, as: UTF8.self))
        }
    }
}
