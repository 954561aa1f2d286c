import Contracts
import Crypto
import Edge
import HTTPServer
import JSON
import Kernel
import Postgres
import Store

/// One-use tickets that let a browser open a WebSocket without a token in the URL. Only their hashes are kept.
struct TicketStore: Sendable {
    let pool: Pool
    var lifetime: Duration = .seconds(30)
    var random = RandomSource.system

    func add(to api: inout API) {
        api.add(Operation(.post, "/api/tickets", "get a ticket for one WebSocket", scope: .eventsRead, success: 201)) {
            call in
            let ticket = try await issue(to: call.principal)
            return .json(.created) { json in
                json.object {
                    $0.member("ticket", ticket)
                    $0.member("expires_in", Int(lifetime.milliseconds / 1000))
                }
            }
        }
    }

    func issue(to principal: Principal) async throws -> String {
        let ticket = Base64URL.encode(random.bytes(32))
        let statement = TicketStatements.insert(SHA256.hash(Array(ticket.utf8)), principal.ticketForm, lifetime)
        _ = try await pool.execute(statement)
        return ticket
    }

    /// Whom a ticket was given to; it is used up by this.
    func redeem(_ ticket: String) async throws -> Principal {
        let rows = try await pool.query(TicketStatements.redeem(SHA256.hash(Array(ticket.utf8))))
        guard let row = rows.first else {
            throw ServiceError(.unauthenticated, "the ticket is not known, or was used, or has expired")
        }
        return try Principal(ticketForm: row.decode(0))
    }
}

/// Statements over `notify.tickets`.
enum TicketStatements {
    /// Also forgets some that were never used.
    static func insert(_ hash: [UInt8], _ principal: RawJSON, _ lifetime: Duration) -> SQL {
        """
        WITH forgotten AS (
            DELETE FROM notify.tickets WHERE token_hash IN (
                SELECT token_hash FROM notify.tickets WHERE expires_at < now() LIMIT 10 FOR UPDATE SKIP LOCKED
            )
        )
        INSERT INTO notify.tickets (token_hash, principal, expires_at)
        VALUES (\(hash), \(principal), now() + \(lifetime))
        """
    }

    static func redeem(_ hash: [UInt8]) -> SQL {
        "DELETE FROM notify.tickets WHERE token_hash = \(hash) AND expires_at > now() RETURNING principal"
    }
}

extension Principal {
    fileprivate var ticketForm: RawJSON {
        RawJSON(
            JSONWriter.bytes { json in
                json.object {
                    $0.member("name", name)
                    $0.member("scopes", scopes.map(\.rawValue).sorted())
                    $0.member("project_id", project)
                    $0.member("expires_at", expiresAt)
                    $0.member("contexts", contexts?.map(\.description))
                }
            }
        )
    }

    fileprivate init(ticketForm: RawJSON) throws {
        let root = try JSONDocument(parsing: ticketForm.bytes).root
        // A limit that cannot be read must not become no limit.
        let project = try root.value("project_id")
            .map { value in
                guard let project = value.string.flatMap({ ProjectID($0) }) else { throw Unreadable() }
                return project
            }
        let contexts = try root.value("contexts")?.elements
            .map { value in
                guard let pattern = value.string.flatMap({ ContextPattern($0) }) else { throw Unreadable() }
                return pattern
            }
        self.init(
            name: root["name"]?.string ?? "",
            scopes: Set(root["scopes"]?.elements.compactMap { $0.string.flatMap(Scope.init(rawValue:)) } ?? []),
            project: project,
            expiresAt: root.value("expires_at")?.string.flatMap { Timestamp($0) },
            contexts: contexts
        )
    }

    private struct Unreadable: Error {}
}
