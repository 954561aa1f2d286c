import Contracts
import Edge
import HTTPServer
import JSON
import Postgres
import Store

/// The HTTP routes of queues: their limits, and pausing them.
///
/// When a change is answered, no claim is under way that did not know of it: a paused queue's jobs are not leased by
/// anybody any more, in no replica.
struct QueueRoutes: Sendable {
    let pool: Pool
    /// To be called after a queue was changed.
    let changed: @Sendable () -> Void

    func add(to api: inout API) {
        api.add(Operation(.get, "/api/queues", "list queues by name", scope: .jobsRead)) { call in
            let queues = try await queues(nil, call)
            return .json { json in
                json.object {
                    $0.member("items", queues)
                    $0.member("next_cursor", String?.none)
                }
            }
        }
        api.add(Operation(.get, "/api/queues/{name}", "a queue", scope: .jobsRead)) { call in
            guard let queue = try await queues(try QueueRoutes.name(call), call).first else {
                throw ServiceError.notFound("QUEUE")
            }
            return .json(queue)
        }
        api.add(
            Operation(
                .put,
                "/api/queues/{name}",
                "set a queue's limits; those left out are lifted",
                scope: .jobsManage,
                body: .json(QueueLimits.schema)
            ),
            in: pool,
            committed: changed
        ) { call, transaction in
            let issues = QueueLimits.issues(in: call.body)
            guard issues.isEmpty else { throw ServiceError.invalid(issues) }
            return try await change(call, transaction) { name in
                QueueStatements.put(
                    name,
                    QueueLimits(call.body),
                    paused: call.body.value("paused")?.bool,
                    by: call.principal.name
                )
            }
        }
        api.add(
            Operation(.post, "/api/queues/{name}/pause", "start no more of a queue's jobs", scope: .jobsManage),
            in: pool,
            committed: changed
        ) { call, transaction in
            try await change(call, transaction) { QueueStatements.pause($0, by: call.principal.name) }
        }
        api.add(
            Operation(.post, "/api/queues/{name}/resume", "start a queue's jobs again", scope: .jobsManage),
            in: pool,
            committed: changed
        ) { call, transaction in
            try await change(call, transaction) { QueueStatements.resume($0) }
        }
    }

    /// The queues that a caller may see, or the one of a name, as they were at one moment.
    private func queues(_ name: String?, _ call: Call) async throws -> [Queue] {
        let project = call.principal.project
        return try await pool.withTransaction(.repeatableRead, readOnly: true) { transaction in
            let place = try JobCounts.place(in: transaction)
            let list = QueueStatements.list(
                name,
                project: project,
                countedUpTo: place,
                limit: QueueRoutes.maximum
            )
            return try transaction.query(list).map(Queue.init)
        }
    }

    /// Changes a queue while nobody claims.
    private func change(
        _ call: Call,
        _ transaction: Transaction,
        _ statement: (String) -> SQL
    ) async throws -> Reply {
        guard call.principal.project == nil else {
            throw ServiceError(.forbidden, "queues are for all projects, and the token is for one only")
        }
        let name = try QueueRoutes.name(call)
        let known = try await transaction.query([QueueStatements.holdClaims, QueueStatements.version(name)])[1].first
        try call.expect(version: try known?.decode(0) ?? 0)
        let results = try await transaction.query([
            statement(name), QueueStatements.countLeases(name), QueueStatements.announce,
            QueueStatements.list(name, project: nil, countedUpTo: nil, limit: 1),
        ])
        guard let row = results[3].first else { throw ServiceError.notFound("QUEUE") }
        return .json(try Queue(row))
    }

    /// The name in the path. One that is no name cannot name a queue.
    private static func name(_ call: Call) throws -> String {
        guard let name = call.request.parameters["name"], QueueName.isValid(name) else {
            throw ServiceError.notFound("QUEUE")
        }
        return name
    }

    /// Queues that a list shows.
    private static let maximum = 1000
}
