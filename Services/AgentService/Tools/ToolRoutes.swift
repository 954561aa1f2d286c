import Contracts
import Edge
import HTTPServer
import JSON
import Kernel
import Postgres
import Store
import Telemetry

/// The HTTP routes that show tools and how they were used.
struct ToolRoutes: Sendable {
    let pool: Pool
    let toolbox: Toolbox

    func add(to api: inout API) {
        api.add(
            Operation(
                .get,
                "/api/tools",
                "tools that runs may call now: what each takes and does, where it is from, how its last day was",
                scope: .projectsRead,
                query: [.text("source", "where they are from")]
            )
        ) { call in
            let source = call.text("source")
            let tools = toolbox.tools(for: call.principal).filter { source == nil || $0.source == source }
            let use = try await ToolUse.lately(pool)
            return .json { json in
                json.object { json in
                    json.member("items", tools.map { ListedTool(tool: $0, use: use[$0.name] ?? ToolUse()) })
                }
            }
        }
        api.add(
            Operation(
                .get,
                "/api/tool-calls",
                "calls of tools, newest first: who, how it ended, how long it took",
                scope: .admin,
                query: QueryField.page + [.text("tool", "the tool"), .text("outcome", "how it ended")]
            )
        ) { call in
            let page = try call.page()
            let statement = ToolStatements.list(
                tool: call.text("tool"),
                outcome: call.text("outcome"),
                before: page.after,
                limit: page.limit + 1
            )
            return page.reply(try await pool.query(statement).map(Listed.init)) { $0.id }
        }
    }

    /// A record as it is listed.
    private struct Listed: JSONWritable, Sendable {
        let id: UUID
        let facts: [(name: String, value: String?)]
        let project: ProjectID?
        let duration: Int
        let cost: Int?
        let at: Timestamp

        init(_ row: Row) throws {
            var reader = row.reader
            id = try reader.next()
            let tool: String = try reader.next()
            let effect: String = try reader.next()
            let source: String = try reader.next()
            let principal: String = try reader.next()
            project = try reader.next()
            let request: String = try reader.next()
            let outcome: String = try reader.next()
            let code: String? = try reader.next()
            duration = try reader.next()
            cost = try reader.next()
            at = try reader.next()
            facts = [
                ("tool", tool), ("effect", effect), ("source", source), ("principal", principal),
                ("request_id", request), ("outcome", outcome), ("error_code", code),
            ]
        }

        func write(to json: inout JSONWriter) {
            json.object { json in
                json.member("tool_call_id", id)
                for fact in facts { json.member(fact.name, fact.value) }
                json.member("project_id", project)
                json.member("duration_ms", Double(duration) / 1000)
                json.member("cost", cost)
                json.member("at", at)
            }
        }
    }
}
