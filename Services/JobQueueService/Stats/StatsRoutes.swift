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
            let statement = StatsStatements.counts(
                project: call.principal.project,
                queue: call.text("queue"),
                kind: call.text("kind")
            )
            let counts = try JobCounts(try await pool.query(statement))
            if counts.all.total == 0, try await pool.query(StatsStatements.base).isEmpty {
                throw ServiceError(.serviceUnavailable, "jobs are being counted", retryAfter: .seconds(1))
            }
            return .json(counts)
        }
    }
}
