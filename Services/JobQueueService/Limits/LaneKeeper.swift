import Concurrency
import Lifecycle
import Postgres
import Telemetry

/// Keeps lanes going: brings jobs into them that stood in the open line when their queue was limited, and has a look
/// taken when a rate allows more.
struct LaneKeeper: Sendable {
    let pool: Pool
    let lanes: Lanes
    let logger: Logger
    /// Signalled when a queue was changed.
    let wakeup: Wakeup
    /// To be called when jobs of lanes may be claimed that could not be before.
    let lookAround: @Sendable () -> Void

    var duties: [any Service] {
        [
            Duty(name: "lane keeper", period: .seconds(5), logger: logger, wakeup: wakeup) { try await fill() },
            Duty(
                name: "rates",
                period: .seconds(60),
                logger: logger,
                wakeup: lanes.rateChanged,
                untilNext: { lanes.untilOpen }
            ) {
                if lanes.takeOpening() { lookAround() }
                return false
            },
        ]
    }

    private func fill() async throws -> Bool {
        let limited: [String] = try await pool.query(LaneStatements.gatedQueues).map { try $0.decode(0) }
        lanes.note(limitedQueues: limited)
        let kinds: [String] = try await pool.query(LaneStatements.kinds).map { try $0.decode(0) }
        lanes.note(haveJobs: true, of: kinds)
        let strange = lanes.newlyLimited
        guard !strange.isEmpty else { return false }
        let moved = try await pool.execute(QueueStatements.fillLanes(of: strange, limit: LaneKeeper.part))
        guard moved > 0 else { return false }
        lanes.note(hadStrays: strange)
        lookAround()
        return moved == LaneKeeper.part
    }

    private static let part = 2000
}
