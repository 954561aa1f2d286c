import Contracts
import Edge
import JSON
import Kernel
import Postgres
import Store

/// Which jobs a list shows.
struct JobFilter: Sendable {
    var statuses: [JobStatus] = []
    var queue: String?
    var kind: String?
    var cardID: CardID?
    var project: ProjectID?
    var tag: String?
    var createdAfter: Timestamp?
    var createdBefore: Timestamp?

    static let fields: [QueryField] = [
        .text("status", "statuses, separated by commas"), .text("queue", "the queue"), .text("kind", "the kind"),
        .uuid("card_id", "the card"), .uuid("project_id", "the project"), .text("tag", "one of the tags"),
        .time("created_after", "made after this time"), .time("created_before", "made before this time"),
    ]

    /// The same as the body of a bulk action. An empty one is refused: everything is never meant by leaving all out.
    static let schema = JSONSchema.object([
        .optional("status", .array(of: .word(JobStatus.allCases.map(\.rawValue)), 1...8)),
        .optional("queue", .name), .optional("kind", .name), .optional("card_id", .uuid),
        .optional("project_id", .uuid), .optional("tag", .string(1...100)), .optional("created_after", .dateTime),
        .optional("created_before", .dateTime),
    ])

    /// All jobs.
    init() {}

    init(_ call: Call) throws {
        for word in (call.text("status") ?? "").split(separator: ",") {
            guard let status = JobStatus(rawValue: String(word)) else {
                let known = JobStatus.allCases.map(\.rawValue).joined(separator: ", ")
                throw ServiceError.invalid("?status", "must be of \(known)")
            }
            statuses.append(status)
        }
        queue = call.text("queue")
        kind = call.text("kind")
        cardID = call.queryID("card_id")
        project = call.queryID("project_id")
        tag = call.text("tag")
        createdAfter = call.time("created_after")
        createdBefore = call.time("created_before")
        try narrow(to: call.principal.project)
    }

    /// Reads a filter that fits the schema, for a caller who may see one project only.
    init(_ body: JSONElement, project limit: ProjectID?) throws {
        statuses = body.value("status")?.elements.compactMap { $0.string.flatMap(JobStatus.init) } ?? []
        queue = body.value("queue")?.string
        kind = body.value("kind")?.string
        cardID = body.value("card_id")?.string.flatMap { CardID($0) }
        project = body.value("project_id")?.string.flatMap { ProjectID($0) }
        tag = body.value("tag")?.string
        createdAfter = body.value("created_after")?.string.flatMap { Timestamp($0) }
        createdBefore = body.value("created_before")?.string.flatMap { Timestamp($0) }
        guard body.members.contains(where: { !$0.value.isNull }) else {
            throw ServiceError.invalid("/filter", "must say something: an empty filter would mean every job")
        }
        try narrow(to: limit)
    }

    private mutating func narrow(to limit: ProjectID?) throws {
        guard let limit else { return }
        guard project == nil || project == limit else { throw ServiceError.notFound("PROJECT") }
        project = limit
    }

    var condition: SQL {
        var parts: [SQL] = []
        if !statuses.isEmpty { parts.append("job.status = ANY(\(statuses))") }
        if let queue { parts.append("job.queue = \(queue)") }
        if let kind { parts.append("job.kind = \(kind)") }
        if let cardID { parts.append("job.card_id = \(cardID)") }
        if let project { parts.append("job.project_id = \(project)") }
        if let tag { parts.append("\(tag) = ANY(job.tags)") }
        if let createdBefore { parts.append("job.created_at < \(createdBefore)") }
        if let createdAfter { parts.append("job.created_at > \(createdAfter)") }
        return parts.isEmpty ? "true" : SQL(joining: parts, by: " AND ")
    }
}
