import Concurrency
import Contracts
import Edge
import HTTPServer
import JSON
import Kernel
import Postgres

/// What administrators see of callbacks, and do about dead ones.
struct CallbackRoutes: Sendable {
    /// More than this are not touched by one call: its answer says that there are more.
    static let maximum = 10_000
    private static let part = 500

    let pool: Pool
    let senders: [CallbackSender]

    func add(to api: inout API) {
        api.add(
            Operation(
                .get,
                "/api/callbacks",
                "list callbacks",
                scope: .admin,
                query: CallbackFilter.fields + QueryField.page
            )
        ) { call in
            let page = try call.page()
            let statement = CallbackStatements.list(CallbackFilter(call), before: page.after, limit: page.limit + 1)
            return page.reply(try await pool.query(statement).map(CallbackView.init)) { $0.id }
        }
        api.add(
            Operation(.get, "/api/callbacks/targets", "where this node's callbacks go or cannot go", scope: .admin)
        ) { _ in
            var views: [CallbackLanes.View] = []
            for sender in senders { views += await sender.views }
            return .json { json in json.object { $0.member("items", views) } }
        }
        let retry = JSONSchema.object([
            .required("filter", CallbackFilter.schema),
            .optional("dry_run", .boolean.defaulting(to: false).described("only say how many it would be")),
        ])
        api.add(
            Operation(
                .post,
                "/api/callbacks/retry",
                "try dead callbacks again",
                scope: .admin,
                body: .json(retry)
            )
        ) { call in try await self.retry(call) }
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
            wake()
            return .json(.accepted) { json in
                json.object {
                    $0.member("callback_id", id)
                    $0.member("state", "pending")
                }
            }
        }
    }

    private func retry(_ call: Call) async throws -> Reply {
        let filter = try CallbackFilter(dead: call.body["filter"] ?? .null)
        let isDryRun = call.body.value("dry_run")?.bool ?? false
        let maximum = CallbackRoutes.maximum
        let found: Int = try await pool.query(CallbackStatements.count(filter, atMost: maximum + 1))[0].decode(0)
        var changed = 0
        while !isDryRun, changed < maximum {
            let limit = min(CallbackRoutes.part, maximum - changed)
            let some = try await pool.execute(CallbackStatements.retry(filter, atMost: limit))
            changed += some
            wake()
            if some < limit { break }
        }
        return .json { json in
            json.object {
                $0.member("dry_run", isDryRun)
                $0.member("matched", min(found, maximum))
                $0.member("changed", changed)
                $0.member("more", found > maximum)
            }
        }
    }

    private func wake() { for sender in senders { sender.wakeup.signal() } }
}
