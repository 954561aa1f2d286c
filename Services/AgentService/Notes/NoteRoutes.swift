import Contracts
import Edge
import HTTPServer
import JSON
import Kernel
import Postgres
import Store

/// The HTTP routes of notes.
struct NoteRoutes: Sendable {
    let pool: Pool
    let ids = IdentifierSource()

    private static let confidence = JSONSchema.Property.optional(
        "confidence",
        .number(0...1).described("how sure the author is; 1 where it is not said")
    )
    private static let validUntil = JSONSchema.Property.optional("valid_until", .dateTime)

    /// Where a note's text comes from.
    static func source(_ allowed: [Note.Source] = Note.Source.allCases) -> JSONSchema {
        .word(allowed.map(\.rawValue))
            .described("tool: it comes from what a tool, a page or a file said, and awaits approval")
    }

    func add(to api: inout API) {
        let schema = JSONSchema.object([
            .required("text", .string(Note.lengths)), .optional("source", NoteRoutes.source()),
            NoteRoutes.confidence, NoteRoutes.validUntil,
        ])
        api.add(
            Operation(
                .post,
                "/api/projects/{id}/notes",
                "note what is to be remembered of a project",
                scope: .projectsWrite,
                body: .json(schema),
                success: 201
            ),
            in: pool
        ) { call, transaction in try await create(call, transaction) }
        let states = Note.State.allCases.map(\.rawValue)
        api.add(
            Operation(
                .get,
                "/api/projects/{id}/notes",
                "a project's notes, newest first",
                scope: .projectsRead,
                query: QueryField.page + [.word("state", "only those in this state", of: states)]
            )
        ) { call in try await list(call) }
        let patch = JSONSchema.object([
            .optional("text", .string(Note.lengths)), NoteRoutes.confidence, NoteRoutes.validUntil,
            .optional("superseded_by", .uuid.described("the note of the same project that replaces this one")),
        ])
        api.add(
            Operation(.patch, "/api/notes/{id}", "change a note", scope: .projectsWrite, body: .json(patch)),
            in: pool
        ) { call, transaction in try await update(call, transaction) }
        api.add(
            Operation(.delete, "/api/notes/{id}", "delete a note", scope: .projectsWrite, success: 204),
            in: pool
        ) { call, transaction in
            let note = try await lock(call, transaction)
            try await transaction.execute(NoteStatements.delete(note.id))
            return .noContent
        }
        api.add(
            Operation(
                .post,
                "/api/notes/{id}/approval",
                "let a note out of quarantine; repeating it changes nothing",
                scope: .projectsWrite
            ),
            in: pool
        ) { call, transaction in
            let note = try await lock(call, transaction)
            guard note.isQuarantined else { return .json(note) }
            let approve = NoteStatements.approve(note.id, by: call.principal.name)
            return .json(try await transaction.first(approve, Note.init, orMissing: "NOTE"))
        }
    }

    private func create(_ call: Call, _ transaction: Transaction) async throws -> Reply {
        let lock = ProjectStatements.lock(try call.id(of: "PROJECT"), limit: call.principal.project)
        let project = try await transaction.first(lock, Project.init, orMissing: "PROJECT")
        let source = call.body.value("source")?.string.flatMap(Note.Source.init(rawValue:)) ?? .person
        // Counted apart: tools that note without end leave people their room.
        let count = try await transaction.count(NoteStatements.count(in: project.id, quarantined: source == .tool))
        try Place.checkRoom(in: source == .tool ? "project's quarantine" : "project", holding: count, adding: 1)
        let insert = NoteStatements.insert(
            ids.next(),
            in: project.id,
            text: call.body["text"]?.string ?? "",
            author: call.principal.name,
            source: source,
            confidence: call.body.value("confidence")?.double ?? 1,
            validUntil: call.body.value("valid_until")?.string.flatMap { Timestamp($0) }
        )
        let note = try await transaction.first(insert, Note.init, orMissing: "NOTE")
        return .json(note, status: .created)
    }

    private func list(_ call: Call) async throws -> Reply {
        let page = try call.page()
        let find = ProjectStatements.find(try call.id(of: "PROJECT"), limit: call.principal.project)
        let project = try await pool.first(find, Project.init, orMissing: "PROJECT")
        let statement = NoteStatements.list(
            in: project.id,
            state: call.text("state"),
            before: page.after,
            limit: page.limit + 1
        )
        return page.reply(try await pool.query(statement).map(Note.init)) { $0.id.uuid }
    }

    private func update(_ call: Call, _ transaction: Transaction) async throws -> Reply {
        let note = try await lock(call, transaction)
        guard call.body.members.contains(where: { _ in true }) else { return .json(note) }
        if let successor = call.body.value("superseded_by")?.string.flatMap({ NoteID($0) }) {
            try await checkSuccessor(successor, of: note, transaction)
        }
        let statement = NoteStatements.update(
            note.id,
            text: call.body.value("text")?.string,
            confidence: call.body.value("confidence")?.double,
            validUntil: TextChange("valid_until", in: call.body),
            supersededBy: TextChange("superseded_by", in: call.body)
        )
        return .json(try await transaction.first(statement, Note.init, orMissing: "NOTE"))
    }

    /// A note that is told no more itself takes nobody's place. So there are no circles of notes either, in which all
    /// would be gone.
    private func checkSuccessor(_ id: NoteID, of note: Note, _ transaction: Transaction) async throws {
        let find = NoteStatements.find(id, limit: note.projectID)
        guard id != note.id, let row = try await transaction.query(find).first else {
            throw ServiceError.invalid("/superseded_by", "must be another note of the same project")
        }
        let state = try Note(row).state
        guard state == .live else { throw ServiceError(.conflict, "the other note is \(state.rawValue) itself") }
    }

    /// Locks the notes of the project, then reads the note as it is under that lock.
    private func lock(_ call: Call, _ transaction: Transaction) async throws -> Note {
        let find = NoteStatements.find(try call.id(of: "NOTE"), limit: call.principal.project)
        let seen = try await transaction.first(find, Note.init, orMissing: "NOTE")
        let lock = ProjectStatements.lock(seen.projectID, limit: nil)
        _ = try await transaction.first(lock, Project.init, orMissing: "NOTE")
        let note = try await transaction.first(find, Note.init, orMissing: "NOTE")
        try call.expect(version: note.version)
        return note
    }
}
