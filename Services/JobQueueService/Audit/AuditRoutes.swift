import Contracts
import Edge
import HTTPServer
import Postgres
import Store

/// The route that checks the data against what is promised.
struct AuditRoutes: Sendable {
    let pool: Pool
    /// How long the log keeps events.
    let keptDays: Int

    func add(to api: inout API) {
        api.add(
            Operation(
                .get,
                "/api/audit",
                "check a page of jobs, newest first, against what is promised",
                scope: .admin,
                query: [
                    .integer("limit", "how many jobs, 1,000 by default", in: 1...5000),
                    .text("cursor", "next_cursor of the page before"),
                    .integer("examples", "how many of each finding, 5 by default", in: 0...100),
                ]
            )
        ) { call in
            guard call.principal.project == nil else {
                throw ServiceError(.forbidden, "an audit sees all projects; this key is for one")
            }
            let audit = try await Audit(
                pool,
                before: try call.page().after,
                limit: call.int("limit") ?? 1000,
                keptDays: keptDays
            )
            return .json { audit.write(to: &$0, examples: call.int("examples") ?? 5) }
        }
    }
}
