import Concurrency
import Contracts
import Kernel
import Lifecycle
import Messaging
import Postgres
import Telemetry

/// Notes a callback for every final event. One replica does, by lease; how far it got moves in the transaction of
/// what it noted, so no event is left out and none is noted twice.
struct CallbackLedger: Service {
    let name = "callback ledger"
    let pool: Pool
    /// Where the agent takes callbacks.
    static let agentPath = "/internal/callbacks/jobs"

    let agentURL: String
    /// Ends the rest between two looks at the log.
    let wakeup: Wakeup
    /// Called when callbacks were noted.
    let noted: @Sendable () -> Void
    let logger: Logger
    private let cursor = LogCursor("callbacks")

    init(pool: Pool, agentURL: String, wakeup: Wakeup, logger: Logger, noted: @escaping @Sendable () -> Void) {
        self.pool = pool
        self.agentURL = agentURL
        self.wakeup = wakeup
        self.logger = logger
        self.noted = noted
    }

    func run(until stop: StopSignal) async throws {
        try await LeaderLease(cursor.name, pool: pool, logger: logger)
            .run(until: stop) { fence in
                try await follow(fence)
            }
    }

    private func follow(_ fence: Int64) async throws {
        let reader = EventLogReader(pool)
        let epoch = try await reader.epoch()
        // Another history begins from its own start; what is noted already is not noted again.
        let stand = try await cursor.read(pool)
        var place = stand.flatMap { $0.epoch == epoch ? $0.place : nil } ?? .start
        var forgotAt: ContinuousClock.Instant?
        while true {
            let events = try await reader.settled(after: place, atMost: 500)
            if let last = events.last {
                try await note(events, after: place, epoch: epoch, upTo: last.place, fence)
                place = last.place
            } else {
                if forgotAt.map({ .now - $0 > .seconds(600) }) ?? true {
                    let bound = UUID.bound(at: WallClock.system.now() + .seconds(-7 * 86_400))
                    while try await pool.execute(CallbackStatements.forget(before: bound, atMost: 1000)) == 1000 {}
                    forgotAt = .now
                }
                _ = try await wakeup.wait(atMost: .seconds(1))
            }
        }
    }

    private func note(
        _ events: [LoggedEvent],
        after start: LogPlace,
        epoch: String,
        upTo end: LogPlace,
        _ fence: Int64
    ) async throws {
        let ids = IdentifierSource()
        var final: [FinalEvent] = []
        var previous = start
        for logged in events {
            defer { previous = logged.place }
            guard let event = FeedEvent(wire: logged.wire(epoch: epoch, after: previous)), event.isFinal else {
                continue
            }
            final.append(
                FinalEvent(
                    event: event,
                    traceparent: logged.traceparent,
                    agentCallback: ids.uuid(),
                    urlCallback: ids.uuid()
                )
            )
        }
        let note = final.isEmpty ? nil : CallbackStatements.note(final, agentURL: agentURL)
        let move = cursor.move(to: end, epoch: epoch, fence: fence)
        try await pool.withTransaction { transaction in
            if let note { try transaction.execute(note) }
            guard try transaction.execute(move) == 1 else { throw LeadLost() }
        }
        if note != nil { noted() }
    }

    /// Another replica leads now.
    struct LeadLost: Error {}
}
