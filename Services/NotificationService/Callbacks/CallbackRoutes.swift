import Concurrency
import Contracts
import Edge
import HTTPServer
import JSON
import Kernel
import Postgres

/// What administrators see of callbacks, and do about dead ones.
struct CallbackRoutes: Sendable {
    let pool: Pool
    let wakeup: Wakeup

    func add(to api: inout API) {
        let state = QueryField.word("state", "only those", of: ["pending", "delivered", "dead"])
        api.add(
            Operation(.get, "/api/callbacks", "list callbacks", scope: .admin, query: [state] + QueryField.page)
        ) { call in
            let page = try call.page()
            let statement = CallbackStatements.list(
                state: call.text("state"),
                before: page.after,
                limit: page.limit + 1
            )
            return page.reply(try await pool.query(statement).map(CallbackView.init)) { $0.id }
        }
        api.add(
            Operation(.post, "/api/callbacks/{id}/retry", "try a dead callback again", scope: .admin, success: 202)
        ) { call in
            guard let id = UUID(call.request.parameters["id"] ?? "") else { throw ServiceError.notFound("CALLBACK") }
            if try await pool.execute(CallbackStatements.retry(id)) == 0 {
                guard try await !pool.query(CallbackStatements.state(id)).isEmpty else {
                    throw ServiceError.notFound("CALLBACK")
                }
                throw ServiceError(.conflict, "only a dead callback is tried again")
            }
            wakeup.signal()
            return .json(.accepted) { json in
                json.object {
                    $0.member("callback_id", id)
                    $0.member("state", "pending")
                }
            }
        }
    }
}
