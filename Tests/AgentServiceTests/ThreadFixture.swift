import Contracts
import HTTPClient
import JSON
import Kernel
import Postgres
import Testing

@testable import AgentService

/// What tests of threads ask for.
extension AgentFixture {
    /// Makes a thread.
    func thread(in project: ProjectID? = nil) async throws -> ThreadID {
        let body = project.map { #"{"project_id":"\#($0)"}"# } ?? "{}"
        let answer = try await send("POST", "/api/threads", body)
        try #require(answer.status == 201)
        return try #require(answer.json["thread_id"]?.string.flatMap { ThreadID($0) })
    }

    /// Stores a checkpoint. `more` are further members of the body, each with a comma before it.
    func put(
        _ id: CheckpointID,
        in thread: ThreadID,
        values: String = "{}",
        versions: String = "{}",
        parent: CheckpointID? = nil,
        ifMatch: Int? = nil,
        _ more: String = ""
    ) async throws -> Answer {
        let parent = parent.map { #","parent_checkpoint_id":"\#($0)""# } ?? ""
        return try await send(
            "PUT",
            "/api/threads/\(thread)/checkpoints",
            #"{"checkpoint_id":"\#(id)","checkpoint":{"v":1,"channel_values":\#(values)},"#
                + #""channel_versions":\#(versions)\#(parent)\#(more)}"#,
            headers: ifMatch.map { [("If-Match", "\"\($0)\"")] } ?? []
        )
    }

    /// Reads a checkpoint, or the latest.
    func checkpoint(_ id: String = "latest", of thread: ThreadID, _ query: String = "") async throws -> Answer {
        try await send("GET", "/api/threads/\(thread)/checkpoints/\(id)\(query)")
    }

    /// The ids of the checkpoints that a list shows.
    func list(_ thread: ThreadID, _ query: String = "") async throws -> [CheckpointID] {
        let answer = try await send("GET", "/api/threads/\(thread)/checkpoints\(query)")
        return answer.json["items"]?.elements.compactMap { $0["checkpoint_id"]?.string.flatMap { CheckpointID($0) } }
            ?? []
    }

    /// How many rows a table has of a thread.
    func rows(_ table: String, of thread: ThreadID) async throws -> Int {
        let sql: SQL = "SELECT count(*) FROM \(unchecked: table) WHERE thread_id = \(thread)"
        return try await pool.query(sql).first?.decode(0) ?? -1
    }
}

extension JSONElement {
    /// The value as text without white space.
    var text: String { String(decoding: raw.bytes, as: UTF8.self) }
}
