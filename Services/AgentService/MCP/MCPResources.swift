import Contracts
import Edge
import HTTPServer
import JSON
import Kernel

/// What clients may read: projects' and cards' memories, cards, assets and jobs, each the answer of a route. The URI says
/// which: `martlet://cards/<id>/memory` is `GET /api/cards/<id>/memory`.
struct MCPResources: Sendable {
    /// A kind of resource.
    struct Template: Sendable, JSONWritable {
        let uri: String
        let name: String
        let title: String
        let summary: String
        /// The route that answers, with `{id}` in it.
        let pattern: String

        func write(to json: inout JSONWriter) {
            json.object {
                $0.member("uriTemplate", uri)
                $0.member("name", name)
                $0.member("title", title)
                $0.member("description", summary)
                $0.member("mimeType", "application/json")
            }
        }

        /// The id in a URI of this template.
        func id(in text: String) -> String? {
            let parts = uri.split(separator: "{id}", omittingEmptySubsequences: false)
            guard text.hasPrefix(parts[0]), text.hasSuffix(parts[1]),
                text.utf8.count == parts[0].utf8.count + 36 + parts[1].utf8.count
            else { return nil }
            let id = String(text.dropFirst(parts[0].count).dropLast(parts[1].count))
            return UUID(id) == nil ? nil : id
        }
    }

    static let templates = [
        Template(
            uri: "martlet://assets/{id}",
            name: "asset",
            title: "An asset",
            summary: "Where its file is, what job yielded it, and whether it is approved.",
            pattern: "/api/assets/{id}"
        ),
        Template(
            uri: "martlet://cards/{id}",
            name: "card",
            title: "A card",
            summary: "A task with its prompt and params.",
            pattern: "/api/cards/{id}"
        ),
        Template(
            uri: "martlet://cards/{id}/jobs",
            name: "card_jobs",
            title: "The jobs of a card",
            summary: "What was submitted for the card, newest first, and how it went.",
            pattern: "/api/cards/{id}/jobs"
        ),
        Template(
            uri: "martlet://cards/{id}/memory",
            name: "card_memory",
            title: "The memory of a card",
            summary: "What there is to know of a card at one moment.",
            pattern: "/api/cards/{id}/memory"
        ),
        Template(
            uri: "martlet://projects/{id}/memory",
            name: "project_memory",
            title: "The memory of a project",
            summary: "What there is to know of a project at one moment.",
            pattern: "/api/projects/{id}/memory"
        ),
    ]

    let api: API

    /// A page of the resources that can be named: the memories of the caller's projects, newest first.
    func list(_ request: MCPRequest, cursor: String?) async throws -> (items: [RawJSON], next: String?) {
        let arguments = JSONWriter.bytes { json in
            json.object {
                $0.member("limit", 100)
                if let cursor { $0.member("cursor", cursor) }
            }
        }
        let page = try await get("/api/projects", request, arguments)
        let items = (page["items"]?.elements.map { $0 } ?? [])
            .map { project in
                RawJSON(
                    JSONWriter.bytes { json in
                        json.object {
                            $0.member("uri", "martlet://projects/\(project["project_id"]?.string ?? "")/memory")
                            $0.member("name", project["title"]?.string ?? "")
                            $0.member("title", "The memory of \(project["title"]?.string ?? "")")
                            $0.member("mimeType", "application/json")
                        }
                    }
                )
            }
        return (items, page.value("next_cursor")?.string)
    }

    /// What a resource holds; `nil` when there is none of that URI, or none that the caller may see.
    func read(_ uri: String, _ request: MCPRequest) async throws -> MCPContents? {
        for template in MCPResources.templates {
            guard let id = template.id(in: uri) else { continue }
            do {
                let arguments = JSONWriter.bytes { $0.object { $0.member("id", id) } }
                let found = try await get(template.pattern, request, arguments)
                let text = String(decoding: found.raw.bytes, as: UTF8.self)
                return MCPContents(uri: uri, type: "application/json", text: text)
            } catch let error as ServiceError where error.code.status == 404 {
                return nil
            }
        }
        return nil
    }

    /// Ids of projects that begin with some text, for completion.
    func projects(_ prefix: String, _ request: MCPRequest) async throws -> [String] {
        let page = try await get("/api/projects", request, Array(#"{"limit":200}"#.utf8))
        return (page["items"]?.elements.compactMap { $0["project_id"]?.string } ?? []).filter { $0.hasPrefix(prefix) }
    }

    private func get(_ pattern: String, _ request: MCPRequest, _ arguments: [UInt8]) async throws -> JSONElement {
        let call = InnerCall(
            as: request.principal,
            requestID: request.requestID,
            trace: request.trace,
            arguments: try JSONDocument(parsing: arguments).root
        )
        let reply = try await api.perform(.get, pattern, call)
        return try JSONDocument(parsing: reply.json?.bytes ?? Array("{}".utf8)).root
    }
}
