import Contracts
import JSON
import Kernel
import Postgres

/// A callback that is to be delivered, as a sender took it.
struct Callback: Sendable {
    /// Who gets it.
    enum Target: String, Sendable, CaseIterable, PostgresDecodable, PostgresArrayElement {
        case agent, url
    }

    let id: UUID
    let eventID: String
    let target: Target
    let url: String
    let host: String
    let body: RawJSON
    /// Which attempt this is, 1, 2, 3 …
    let attempt: Int
    let traceparent: String?

    /// In which line of `CallbackLanes` it stands.
    var lane: String { target == .agent ? CallbackLanes.agent : host }

    /// Reads a row of `CallbackStatements.take`; `nil` when it tells only that nothing was taken.
    init?(_ row: Row) throws {
        var reader = row.reader
        _ = try reader.next(Timestamp.self)
        guard let id = try reader.next(UUID?.self) else { return nil }
        self.id = id
        eventID = try reader.next()
        target = try reader.next()
        url = try reader.next()
        host = try reader.next()
        body = try reader.next()
        attempt = try reader.next()
        traceparent = try reader.next()
    }
}

/// A callback as administrators see it.
struct CallbackView: Sendable, JSONWritable {
    let id: UUID
    let eventID: String
    let jobID: JobID
    let target: String
    let host: String
    let state: String
    let attempt: Int
    let nextAt: Timestamp
    let lastError: String?
    let createdAt: Timestamp
    let finishedAt: Timestamp?

    init(_ row: Row) throws {
        var reader = row.reader
        id = try reader.next()
        eventID = try reader.next()
        jobID = try reader.next()
        target = try reader.next()
        host = try reader.next()
        state = try reader.next()
        attempt = try reader.next()
        nextAt = try reader.next()
        lastError = try reader.next()
        createdAt = try reader.next()
        finishedAt = try reader.next()
    }

    /// Writes the callback as an object; of the URL only the host, because the rest may hold a secret.
    func write(to json: inout JSONWriter) {
        json.object {
            $0.member("callback_id", id)
            $0.member("event_id", eventID)
            $0.member("job_id", jobID)
            $0.member("target", target)
            $0.member("host", host)
            $0.member("state", state)
            $0.member("attempt", attempt)
            $0.member("next_at", state == "pending" ? nextAt : nil)
            $0.member("last_error", lastError)
            $0.member("created_at", createdAt)
            $0.member("finished_at", finishedAt)
        }
    }
}
