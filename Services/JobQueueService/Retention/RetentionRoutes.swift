import Contracts
import Edge
import HTTPServer
import JSON
import Postgres
import Store

/// The routes that say how long a queue's ended jobs are kept.
struct RetentionRoutes: Sendable {
    let pool: Pool
    let defaults: RetentionPeriods

    func add(to api: inout API) {
        let path = "/api/queues/{name}/retention"
        api.add(Operation(.get, path, "how long a queue's ended jobs are kept", scope: .jobsRead)) { call in
            let queue = try queue(call)
            var own = RetentionPeriods()
            if let row = try await pool.query(RetentionStatements.find(queue)).first {
                var reader = row.reader
                own = try RetentionPeriods(&reader)
            }
            return answer(queue, own)
        }
        api.add(
            Operation(
                .put,
                path,
                "say how long a queue's ended jobs are kept",
                scope: .jobsManage,
                body: .json(RetentionPeriods.schema)
            )
        ) { call in
            let queue = try queue(call)
            guard call.principal.project == nil else {
                throw ServiceError(.forbidden, "a queue is shared by all projects; this key is for one")
            }
            let own = RetentionPeriods(call.body)
            try await pool.execute(RetentionStatements.store(own, of: queue))
            return answer(queue, own)
        }
    }

    private func queue(_ call: Call) throws -> String {
        let name = call.request.parameters["name"] ?? ""
        guard QueueName.isValid(name) else { throw ServiceError.notFound("QUEUE") }
        return name
    }

    private func answer(_ queue: String, _ own: RetentionPeriods) -> Reply {
        .json { json in
            json.object { json in
                json.member("queue", queue)
                own.over(defaults).writeMembers(to: &json)
                json.member("own") { json in json.object { own.writeMembers(to: &$0) } }
            }
        }
    }
}
