import Concurrency
import Contracts
import Edge
import HTTPServer
import JSON
import Kernel
import Lifecycle
import Postgres
import Telemetry

/// How many watch a context, on all nodes together.
///
/// Each node tells the database what has changed, once a second, under a lease: a node that died is not counted from the
/// end of its lease on, so there are no ghosts.
struct Presence: Service {
    let name = "presence"
    let hub: Hub
    let pool: Pool
    let logger: Logger
    var lease: Duration = .seconds(15)
    var period: Duration = .seconds(1)
    private let node: UUID = IdentifierSource().uuid()

    init(hub: Hub, pool: Pool, logger: Logger) {
        self.hub = hub
        self.pool = pool
        self.logger = logger
    }

    func run(until stop: StopSignal) async throws {
        try await stop.cancelling {
            var renewedAt: ContinuousClock.Instant?
            var failures = 0
            while true {
                do {
                    if renewedAt.map({ .now - $0 >= lease / 3 }) ?? true {
                        try await renew()
                        renewedAt = .now
                    }
                    try await tell()
                    failures = 0
                } catch let error as PostgresError {
                    failures += 1
                    if failures == 1 { logger.warning("watchers are not counted", ["error": "\(error)"]) }
                    renewedAt = nil
                }
                try await Task.sleep(for: period)
            }
        }
        // Best effort: without it the lease ends by itself.
        do {
            _ = try await pool.execute(PresenceStatements.leave(node))
        } catch {
            logger.debug("watchers are counted for a while longer", ["error": "\(error)"])
        }
    }

    private func renew() async throws {
        _ = try await pool.execute(PresenceStatements.forgetDead())
        let isNew = try await pool.query(PresenceStatements.renew(node, lease)).first?.decode(0, as: Bool.self)
        // Nothing of ours is there: at the start, after a crash of the database, or after a pause longer than the lease.
        if isNew == true { hub.forgetToldWatchers() }
    }

    private func tell() async throws {
        var rest = hub.changedWatchers()[...]
        do {
            while !rest.isEmpty {
                let part = rest.prefix(5000)
                let contexts = part.map(\.context.description)
                _ = try await pool.execute(PresenceStatements.set(node, contexts, part.map(\.watchers)))
                rest = rest.dropFirst(part.count)
            }
        } catch {
            hub.tellAgain(rest.map(\.context))
            throw error
        }
    }

    /// Adds the route.
    func add(to api: inout API, access: ContextAccess) {
        api.add(
            Operation(
                .get,
                "/api/watchers",
                "how many watch a context, on all nodes",
                scope: .eventsRead,
                query: [.text("context_id", "what is watched")]
            )
        ) { call in
            guard let text = call.text("context_id"), let context = ContextID(text) else {
                throw ServiceError.invalid(
                    "?context_id",
                    "must be an id, card:, job:, project:, queue:, thread:, run: or all"
                )
            }
            guard try await access.allows(call.principal, context) else {
                throw ServiceError(ErrorCode("FORBIDDEN_CONTEXT", 403), "the token may not watch this")
            }
            let here = hub.watchers(of: context)
            let row = try await pool.query(PresenceStatements.elsewhere(context.description, node)).first
            let elsewhere: Int = try row?.decode(0) ?? 0
            return .json { json in
                json.object {
                    $0.member("context_id", context.description)
                    $0.member("watchers", here + elsewhere)
                    $0.member("here", here)
                }
            }
        }
    }
}
