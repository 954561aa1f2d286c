import Concurrency
import JSON

/// Tools that tell how far they are, fail, check, and take their time.
extension MCPFixtures {
    var behaviours: [Tool] {
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
            tool("test_tool_with_logging", "Tells three times what it does") { call in
                for step in ["started", "processing data", "completed"] {
                    call.log(.info, "Tool execution: \(step)")
                    try await Task.sleep(for: .milliseconds(50))
                }
                return .text("done")
            },
            tool("test_logging_tool", "Tells what it does to those who ask for it") { call in
                call.log(.info, "Tool execution")
                return .text("done")
            },
            tool("test_reconnection", "Lets the connection go before it answers") { call in
                call.cutOff()
                try await Task.sleep(for: .milliseconds(500))
                return .text("reconnected")
            },
            tool("test_trigger_tool_change", "Says that there are other tools") { _ in
                subscriptions.toolsChanged()
                return .text("ok")
            },
            tool("test_trigger_prompt_change", "Says that there are other prompts") { _ in
                subscriptions.promptsChanged()
                return .text("ok")
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

    var slowOnes: [Tool] {
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
}
