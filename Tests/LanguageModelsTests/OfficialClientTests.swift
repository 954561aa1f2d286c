import Foundation
import JSON
import TestSupport
import Testing

@testable import LanguageModels

/// That the scripted provider speaks as the real ones do is said by the clients that OpenAI, Anthropic and Ollama
/// publish. `MARTLET_MODELS_PYTHON` names a python that has `openai`, `anthropic` and `ollama`; else one is made where
/// PyPI can be reached.
@Suite(.timeLimit(.minutes(5))) struct OfficialClientTests {
    private static let root = URL(filePath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

    @Test(arguments: [ScriptedAnswer.Delivery.events, .crlf, .pieces(3)])
    func `the official clients read the scripted provider`(delivery: ScriptedAnswer.Delivery) async throws {
        guard let python = try await OfficialClientTests.python() else { return }
        var answer = StreamedModelTests.answer
        answer.delivery = delivery
        let server = ScriptedModelServer([answer])
        let expected = JSONWriter.bytes {
            $0.object {
                $0.member("text", answer.text)
                $0.member("reasoning", answer.reasoning)
                $0.member("calls") {
                    $0.array {
                        for call in answer.calls {
                            $0.object {
                                $0.member("id", call.id)
                                $0.member("name", call.name)
                                $0.member("arguments", RawJSON(call.arguments))
                            }
                        }
                    }
                }
            }
        }
        let script = Self.root.appending(path: "Tests/LanguageModelsTests/Resources/official_clients.py").path
        let process = try await TestProcess(
            "/usr/bin/env",
            [python, "-B", script, server.url, String(decoding: expected, as: UTF8.self)]
        )
        let output = await process.readToEnd()
        let status = await process.wait()
        if status == 77 {
            print("the official clients are not tried: \(output)")
        } else {
            #expect(status == 0 && output.contains("all understood"), "\(output)")
            #expect(server.requests.count == 4)
        }
    }

    private actor Environment {
        static let shared = Environment()
        private var made: Task<String?, any Error>?

        func python() async throws -> String? {
            let task = made ?? Task { try await make() }
            made = task
            return try await task.value
        }

        private func make() async throws -> String? {
            let folder = OfficialClientTests.root.appending(path: ".build/models-python")
            let python = folder.appending(path: "bin/python").path
            let commands = [
                ["python3", "-m", "venv", folder.path],
                [
                    python, "-m", "pip", "install", "--quiet", "--timeout", "10", "--retries", "1", "openai",
                    "anthropic", "ollama",
                ],
            ]
            for command in commands {
                let process = try await TestProcess("/usr/bin/env", command)
                let output = await process.readToEnd()
                guard await process.wait() == 0 else {
                    print("the official clients cannot be installed: \(output)")
                    return nil
                }
            }
            return python
        }
    }

    private static func python() async throws -> String? {
        if let python = ProcessInfo.processInfo.environment["MARTLET_MODELS_PYTHON"] { return python }
        return try await Environment.shared.python()
    }
}
