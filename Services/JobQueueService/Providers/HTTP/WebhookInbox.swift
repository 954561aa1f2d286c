import Concurrency
import Contracts
import JSON
import Kernel
import Postgres

/// Webhooks on their way from whichever replica was called to the attempt that waits for them, through the database:
/// one may come before the attempt knows the outside id, at another replica, or twice.
struct WebhookInbox: Sendable {
    private let pool: Pool
    private let arrived = Arrivals()

    init(_ pool: Pool) { self.pool = pool }

    /// Keeps what a webhook says. After a final word nothing else is kept.
    func store(_ body: RawJSON, isFinal: Bool, provider: String, externalID: String) async throws {
        _ = try await pool.atomically([
            WebhookStatements.forgetOld(),
            WebhookStatements.store(body, isFinal: isFinal, provider: provider, externalID: externalID),
        ])
        arrived.signal(externalID)
    }

    /// The last word about an outside job, if there is one.
    func find(provider: String, externalID: String) async throws -> RawJSON? {
        try await pool.query(WebhookStatements.find(provider: provider, externalID: externalID)).first?.decode(0)
    }

    /// Runs `body` with a wakeup that is signalled when a webhook for that outside job arrives at this replica.
    func listening<Value>(to externalID: String, _ body: (Wakeup) async throws -> Value) async throws -> Value {
        let wakeup = arrived.enter(externalID)
        defer { arrived.leave(externalID, wakeup) }
        return try await body(wakeup)
    }

    /// Who waits for what.
    private final class Arrivals: Sendable {
        private let waiting = Lock<[String: [Wakeup]]>([:])

        func enter(_ id: String) -> Wakeup {
            let wakeup = Wakeup()
            waiting.withLock { $0[id, default: []].append(wakeup) }
            return wakeup
        }

        func leave(_ id: String, _ wakeup: Wakeup) {
            waiting.withLock { waiting in
                waiting[id]?.removeAll { $0 === wakeup }
                if waiting[id]?.isEmpty == true { waiting[id] = nil }
            }
        }

        func signal(_ id: String) {
            let wakeups = waiting.withLock { $0[id] ?? [] }
            for wakeup in wakeups { wakeup.signal() }
        }
    }
}

/// Statements over `jobs.provider_webhooks`.
enum WebhookStatements {
    static func store(_ body: RawJSON, isFinal: Bool, provider: String, externalID: String) -> SQL {
        """
        INSERT INTO jobs.provider_webhooks AS webhook (provider, external_id, body, is_final)
        VALUES (\(provider), \(externalID), \(body), \(isFinal))
        ON CONFLICT (provider, external_id) DO UPDATE
        SET body = EXCLUDED.body, is_final = EXCLUDED.is_final, received_at = now()
        WHERE NOT webhook.is_final
        """
    }

    static func find(provider: String, externalID: String) -> SQL {
        "SELECT body FROM jobs.provider_webhooks WHERE provider = \(provider) AND external_id = \(externalID)"
    }

    /// Nobody waits for a webhook that long.
    static func forgetOld() -> SQL {
        """
        DELETE FROM jobs.provider_webhooks
        WHERE (provider, external_id) IN (
            SELECT provider, external_id FROM jobs.provider_webhooks
            WHERE received_at < now() - interval '30 days'
            ORDER BY provider, external_id
            LIMIT 100
            FOR UPDATE SKIP LOCKED
        )
        """
    }

    /// The status of a job, to tell a cancelled one from one that is handed on.
    static func status(_ job: JobID) -> SQL { "SELECT status FROM jobs.jobs WHERE id = \(job)" }
}
