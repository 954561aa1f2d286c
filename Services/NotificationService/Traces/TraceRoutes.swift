import Contracts
import Edge
import HTTPServer
import JSON
import Kernel
import Messaging
import Postgres

/// `GET /api/trace/{event_id}`: what became of an event, as the database and this node know it.
struct TraceRoutes: Sendable {
    let pool: Pool
    let traces: TraceStore

    func add(to api: inout API) {
        api.add(
            Operation(
                .get,
                "/api/trace/{event_id}",
                "an event's way: stored, published, received, written to how many",
                scope: .admin
            )
        ) { call in try await trace(call.request.parameters["event_id"] ?? "") }
    }

    private func trace(_ id: String) async throws -> Reply {
        guard id.utf8.count <= 200, let event = try await EventLogReader(pool).event(id) else {
            throw ServiceError.notFound("EVENT")
        }
        let passage = traces.passage(of: id)
        let callbacks = try await pool.query(TraceStatements.callbacks(of: event.subject, seq: event.seq, event: id))
            .map(CallbackView.init)
        return .json { json in
            json.object { json in
                json.member("event_id", id)
                json.member("type", event.type)
                json.member("stored") { $0.object { $0.member("at", event.at) } }
                // Not known to this node: it came from the log, or so long ago that it is forgotten.
                json.member("published") { json in
                    json.object { $0.member("at", passage?.published) }
                }
                json.member("received") { json in
                    json.object {
                        $0.member("at", passage?.received)
                        $0.member("from", passage.map { $0.published == nil ? "log" : "broker" })
                    }
                }
                json.member("written") { json in
                    json.object {
                        $0.member("first_at", passage?.firstWritten)
                        $0.member("last_at", passage?.lastWritten)
                        $0.member("clients", passage?.clients)
                    }
                }
                json.member("callbacks", callbacks)
            }
        }
    }
}

/// Statements over what became of an event.
enum TraceStatements {
    static func callbacks(of job: UUID, seq: Int, event id: String) -> SQL {
        """
        SELECT id, event_id, job_id, target, host, state, attempt, next_at, last_error, created_at, finished_at
        FROM notify.callbacks
        WHERE job_id = \(job) AND seq = \(seq) AND event_id = \(id)
        """
    }
}
