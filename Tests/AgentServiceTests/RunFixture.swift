import Contracts
import HTTPClient
import JSON
import Kernel
import TestSupport
import Testing

@testable import AgentService

extension AgentFixture {
    /// Says something in a thread, a new one unless it is given; `settings` are further members of the body.
    func say(_ content: String, in thread: ThreadID? = nil, _ settings: String = "") async throws -> RunID {
        let thread = if let thread { thread } else { try await self.thread() }
        let text = RawJSON(JSONWriterText.quoted(content))
        let body =
            #"{"content":\#(String(decoding: text.bytes, as: UTF8.self))\#(settings.isEmpty ? "" : ",\(settings)")}"#
        let answer = try await send("POST", "/api/threads/\(thread)/messages", body)
        try #require(answer.status == 202, "\(answer.response.text)")
        return try #require(answer.json["run_id"]?.string.flatMap { RunID($0) })
    }

    /// The run once it has a status of these.
    func run(_ id: RunID, is statuses: Set<RunStatus>) async throws -> JSONElement {
        var last = JSONElement.null
        try await eventually("run \(id) is \(statuses.map(\.rawValue))") {
            last = try await send("GET", "/api/runs/\(id)").json
            return last["status"]?.string.flatMap(RunStatus.init).map(statuses.contains) ?? false
        }
        return last
    }

    /// The run once it has ended.
    func ended(_ id: RunID) async throws -> JSONElement { try await run(id, is: [.completed, .failed, .cancelled]) }

    /// A run's steps.
    func steps(_ id: RunID) async throws -> [JSONElement] {
        try await send("GET", "/api/runs/\(id)/steps?limit=500").json["items"]?.elements.map { $0 } ?? []
    }
}

/// Text as JSON.
enum JSONWriterText {
    static func quoted(_ text: String) -> [UInt8] { JSONWriter.bytes { $0.value(text) } }
}
