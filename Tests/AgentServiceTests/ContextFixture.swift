import Contracts
import JSON
import Kernel
import Postgres
import Testing

@testable import AgentService

/// What tests of contexts ask for.
extension AgentFixture {
    /// What a context says of itself.
    func context(_ project: ProjectID, card: CardID? = nil, budget: Int = 100_000) async throws -> JSONElement {
        let card = card.map { #","card_id":"\#($0)""# } ?? ""
        let answer = try await send("POST", "/api/projects/\(project)/context", #"{"budget":\#(budget)\#(card)}"#)
        try #require(answer.status == 200, "\(answer.json.text)")
        return answer.json
    }

    /// Makes a note and returns its id.
    func note(_ text: String, in project: ProjectID, _ more: String = "") async throws -> String {
        let body = #"{"text":"\#(text)"\#(more)}"#
        let answer = try await send("POST", "/api/projects/\(project)/notes", body)
        try #require(answer.status == 201, "\(answer.json.text)")
        return try #require(answer.json["note_id"]?.string)
    }

    /// Stores so many jobs of a card as the job queue would after they have failed, saying so.
    func failedJobs(_ count: Int, card: CardID, project: ProjectID, saying message: String) async throws {
        try await pool.execute(
            """
            INSERT INTO jobs.jobs (
                id, project_id, card_id, kind, queue, status, phase, seq, max_attempts, priority, run_at, timeout_ms,
                params, metadata, tags, error_code, error_message, submitted_by, created_at, completed_at
            )
            SELECT gen_random_uuid(), \(project), \(card), 'image', 'default', 'failed', 'finished', 3, 3, 0, now(), 1000,
                '{}', '{}', '{}', 'BROKEN', \(message), 'test', now(), now()
            FROM generate_series(1, \(count))
            """
        )
    }
}
