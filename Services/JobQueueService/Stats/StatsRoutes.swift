import Contracts
import Edge
import HTTPServer
import Postgres
import Store

/// The route that tells how many jobs there are.
struct StatsRoutes: Sendable {
    let pool: Pool

    func add(to api: inout API) {
        api.add(
            Operation(
                .get,
                "/api/stats",
                "how many jobs there are, by status, queue and kind",
                scope: .jobsRead,
                query: [.text("queue", "only this queue"), .text("kind", "only this kind")]
            )
        ) { call in
            let (project, queue, kind) = (call.principal.project, call.text("queue"), call.text("kind"))
            let counts = try await pool.withTransaction(.repeatableRead, readOnly: true) { transaction in
                try JobCounts(project: project, queue: queue, kind: kind, in: transaction)
            }
            guard let counts else {
                throw ServiceError(.serviceUnavailable, "jobs are being counted", retryAfter: .seconds(1))
            }
            return .json(counts)
        }
    }
}
