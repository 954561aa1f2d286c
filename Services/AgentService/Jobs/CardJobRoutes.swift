import Contracts
import Edge
import HTTPServer
import JSON
import Kernel
import Postgres
import Store
import Telemetry

/// The HTTP routes of a card's jobs. The job queue checks what it is asked for; its refusals are passed on.
struct CardJobRoutes: Sendable {
    let pool: Pool
    let jobs: JobQueueClient

    func add(to api: inout API) {
        let schema = JSONSchema.object(
            [
                .optional("kind", .string(1...100)),
                .optional("params", .anyObject.described("laid over the card's own params")),
            ],
            // Whatever else a submission may say is the job queue's to check.
            additional: .allowed
        )
        api.add(
            Operation(
                .post,
                "/api/cards/{id}/jobs",
                "submit a job for a card; takes what the job queue's POST /api/jobs takes",
                scope: .jobsSubmit,
                body: .json(schema),
                success: 201
            )
        ) { call in try await submit(call) }
        api.add(
            Operation(
                .get,
                "/api/cards/{id}/jobs",
                "a card's jobs, newest first",
                scope: .jobsRead,
                query: QueryField.page
            )
        ) { call in try await list(call) }
    }

    private func submit(_ call: Call) async throws -> Reply {
        if call.body["card_id"] != nil { throw ServiceError.invalid("/card_id", "is the card of the path") }
        let key = try IdempotencyKey(call)
        let card = try await find(call)
        let accepted = try await jobs.submit(
            try CardJobRoutes.submission(call.body, for: card),
            key: JobQueueClient.key(key?.text, of: call.principal.name),
            requestID: call.requestID,
            trace: call.trace
        )
        var headers: [(String, String)] = []
        if let location = accepted.location { headers.append(("Location", location)) }
        if accepted.isReplayed { headers.append(("Idempotency-Replayed", "true")) }
        return .json(bytes: accepted.body, .created, headers: headers)
    }

    /// The body for the job queue: the caller's, with the card's id, and its params laid over the card's.
    static func submission(_ body: JSONElement, for card: Card) throws -> [UInt8] {
        let base = try JSONDocument(parsing: card.params.bytes).root
        let given = body.value("params")
        return JSONWriter.bytes { json in
            json.object { json in
                json.member("card_id", card.id)
                json.member("params") { json in
                    json.object { json in
                        for member in base.members where given?[member.name] == nil {
                            json.member(member.name, member.value)
                        }
                        for member in given?.members.map({ $0 }) ?? [] { json.member(member.name, member.value) }
                    }
                }
                for member in body.members where member.name != "params" { json.member(member.name, member.value) }
            }
        }
    }

    private func list(_ call: Call) async throws -> Reply {
        let card = try await find(call)
        let page = try call.page()
        let statement = JobViewStatements.ofCard(card.id, before: page.after, limit: page.limit + 1)
        return page.reply(try await pool.query(statement).map(JobView.init)) { $0.id.uuid }
    }

    private func find(_ call: Call) async throws -> Card {
        let find = CardStatements.find(try call.id(of: "CARD"), limit: call.principal.project)
        return try await pool.first(find, Card.init, orMissing: "CARD")
    }
}
