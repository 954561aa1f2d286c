import Contracts
import Edge
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

    static let fields: [QueryField] = [
        .text("status", "statuses, separated by commas"), .text("queue", "the queue"), .text("kind", "the kind"),
        .uuid("card_id", "the card"), .uuid("project_id", "the project"), .text("tag", "one of the tags"),
        .time("created_after", "made after this time"),
    ]

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
        if let limit = call.principal.project {
            guard project == nil || project == limit else { throw ServiceError.notFound("PROJECT") }
            project = limit
        }
    }

    var condition: SQL {
        var parts: [SQL] = []
        if !statuses.isEmpty { parts.append("job.status = ANY(\(statuses))") }
        if let queue { parts.append("job.queue = \(queue)") }
        if let kind { parts.append("job.kind = \(kind)") }
        if let cardID { parts.append("job.card_id = \(cardID)") }
        if let project { parts.append("job.project_id = \(project)") }
        if let tag { parts.append("\(tag) = ANY(job.tags)") }
        if let createdAfter { parts.append("job.created_at > \(createdAfter)") }
        return parts.isEmpty ? "true" : SQL(joining: parts, by: " AND ")
    }
}
