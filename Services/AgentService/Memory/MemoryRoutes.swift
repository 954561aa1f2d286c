import Contracts
import Edge
import HTTPServer
import Kernel
import Postgres
import Store

/// The HTTP routes of memory.
struct MemoryRoutes: Sendable {
    let pool: Pool

    func add(to api: inout API) {
        api.add(
            Operation(
                .get,
                "/api/projects/{id}/memory",
                "what an assistant should know of a project, read at one moment",
                scope: .projectsRead
            )
        ) { call in
            let id: ProjectID = try call.id(of: "PROJECT")
            guard let memory = try await ProjectMemory.read(id, limit: call.principal.project, in: pool) else {
                throw ServiceError.notFound("PROJECT")
            }
            return .json(memory)
        }
        api.add(
            Operation(
                .get,
                "/api/cards/{id}/memory",
                "what an assistant should know of a card, read at one moment",
                scope: .projectsRead
            )
        ) { call in
            let id: CardID = try call.id(of: "CARD")
            guard let memory = try await CardMemory.read(id, limit: call.principal.project, in: pool) else {
                throw ServiceError.notFound("CARD")
            }
            return .json(memory)
        }
    }
}
