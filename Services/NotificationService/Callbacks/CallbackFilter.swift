import Contracts
import Edge
import JSON
import Kernel
import Postgres

/// Which callbacks are meant.
struct CallbackFilter: Sendable {
    enum State: String, Sendable, CaseIterable {
        case pending, delivered, dead
    }

    var state: State?
    var target: Callback.Target?
    var host: String?
    var job: JobID?
    var createdAfter: Timestamp?
    var createdBefore: Timestamp?

    static let fields: [QueryField] = [
        .word("state", "only those", of: State.allCases.map(\.rawValue)),
        .word("target", "to the agent, or to URLs of jobs", of: Callback.Target.allCases.map(\.rawValue)),
        .text("host", "to this host, with its port as the URL names it"), .uuid("job_id", "of this job"),
        .time("created_after", "noted after this time"), .time("created_before", "noted before this time"),
    ]

    /// The same without a state, as the body of a bulk retry.
    static let schema = JSONSchema.object([
        .optional("target", .word(Callback.Target.allCases.map(\.rawValue))), .optional("host", .string(1...500)),
        .optional("job_id", .uuid), .optional("created_after", .dateTime), .optional("created_before", .dateTime),
    ])

    init(_ call: Call) {
        state = call.text("state").flatMap(State.init)
        target = call.text("target").flatMap(Callback.Target.init)
        host = call.text("host")
        job = call.queryID("job_id")
        createdAfter = call.time("created_after")
        createdBefore = call.time("created_before")
    }

    /// The dead ones that a body means; it fits the schema.
    init(dead body: JSONElement) throws {
        guard body.members.contains(where: { !$0.value.isNull }) else {
            throw ServiceError.invalid("/filter", "must say something: an empty filter would mean every callback")
        }
        state = .dead
        target = body.value("target")?.string.flatMap(Callback.Target.init)
        host = body.value("host")?.string
        job = body.value("job_id")?.string.flatMap { JobID($0) }
        createdAfter = body.value("created_after")?.string.flatMap { Timestamp($0) }
        createdBefore = body.value("created_before")?.string.flatMap { Timestamp($0) }
    }

    /// The state is part of the text, so that the index of the dead can serve them.
    var condition: SQL {
        var parts: [SQL] = []
        switch state {
        case .pending: parts.append("state = 'pending'")
        case .delivered: parts.append("state = 'delivered'")
        case .dead: parts.append("state = 'dead'")
        case nil: break
        }
        if let target { parts.append("target = \(target.rawValue)") }
        if let host { parts.append("host = \(host.lowercased())") }
        if let job { parts.append("job_id = \(job)") }
        if let createdAfter { parts.append("created_at > \(createdAfter)") }
        if let createdBefore { parts.append("created_at < \(createdBefore)") }
        return parts.isEmpty ? "true" : SQL(joining: parts, by: " AND ")
    }
}
