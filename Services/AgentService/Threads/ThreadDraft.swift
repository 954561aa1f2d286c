import Contracts
import Edge
import JSON
import Kernel
import Postgres
import Store

/// A thread that somebody asks for.
struct ThreadDraft: Sendable {
    let id: ThreadID?
    let project: ProjectID?
    let key: String?
    let title: String?
    let metadata: RawJSON

    static let members: [JSONSchema.Property] = [
        .optional("title", .string(Bounds.title)),
        .optional("metadata", .anyObject.described("kept and returned, never interpreted; at most 64 KiB")),
    ]
    static let names: [JSONSchema.Property] = [
        .optional("thread_id", .uuid.described("its id, where the caller wants to choose it")),
        .optional("key", .string(ThreadBounds.name).described("its name within the project")),
    ]
    static let schema = JSONSchema.object(names + members + [.optional("project_id", .uuid)])

    /// Reads a body that fits the schema. A token that is for one project makes threads of that project.
    init(_ call: Call) throws {
        let asked = call.body.value("project_id")?.string.flatMap { ProjectID($0) }
        if let limit = call.principal.project, let asked, asked != limit { throw ServiceError.notFound("PROJECT") }
        self.init(
            id: call.body.value("thread_id")?.string.flatMap { ThreadID($0) },
            project: asked ?? call.principal.project,
            key: call.body.value("key")?.string,
            title: call.body.value("title")?.string,
            metadata: try Bounds.object("metadata", in: call.body) ?? .emptyObject
        )
    }

    init(id: ThreadID?, project: ProjectID?, key: String?, title: String?, metadata: RawJSON) {
        self.id = id
        self.project = project
        self.key = key
        self.title = title
        self.metadata = metadata
    }
}

/// Which threads a list shows.
struct ThreadFilter: Sendable {
    let limit: ProjectID?
    var project: ProjectID?
    var key: String?

    var condition: SQL {
        var parts: [SQL] = [ThreadStatements.isVisible(to: limit)]
        if let project { parts.append("thread.project_id = \(project)") }
        if let key { parts.append("thread.key = \(key)") }
        return SQL(joining: parts, by: " AND ")
    }
}
