import Contracts
import JSON
import Kernel
import Postgres

/// How a tool was used in the last day.
struct ToolUse: Sendable {
    /// More are not looked at.
    private static let most = 100_000

    var calls = 0
    var failures = 0
    /// 19 of 20 calls took no longer.
    var slow: Duration?

    /// By the tools' names.
    static func lately(_ pool: Pool) async throws -> [String: ToolUse] {
        var use: [String: ToolUse] = [:]
        for row in try await pool.query(ToolStatements.use(within: .seconds(86_400), atMost: most)) {
            var reader = row.reader
            let tool: String = try reader.next()
            let calls: Int = try reader.next()
            let failures: Int = try reader.next()
            let slow: Int = try reader.next()
            use[tool] = ToolUse(calls: calls, failures: failures, slow: .microseconds(slow))
        }
        return use
    }
}

/// A tool as it is listed.
struct ListedTool: Sendable, JSONWritable {
    let tool: Tool
    let use: ToolUse

    func write(to json: inout JSONWriter) {
        json.object { json in
            json.member("name", tool.name)
            json.member("title", tool.title)
            json.member("summary", tool.summary)
            json.member("source", tool.source)
            json.member("effect", tool.effect.rawValue)
            json.member("repeatable", tool.isRepeatable)
            json.member("scope", tool.scope?.rawValue)
            json.member("input", tool.shownInput)
            json.member("last_day") { json in
                json.object {
                    $0.member("calls", use.calls)
                    $0.member("failures", use.failures)
                    $0.member("p95_ms", use.slow.map { Double($0.microseconds) / 1000 })
                }
            }
        }
    }
}
