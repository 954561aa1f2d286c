import Concurrency
import Kernel
import Lifecycle
import Postgres
import Telemetry

/// Keeps the records of tool calls. Calls that end together are recorded by one statement; a call is answered when its
/// record is there. It also forgets the old ones.
final class ToolRecorder: Service {
    let name = "tool recorder"
    private let pool: Pool
    private let logger: Logger
    private let keep: Duration
    private let batcher: Batcher<ToolRecord, Void>
    private let durations: Histogram
    private let lost: Counter

    init(pool: Pool, keep: Duration, logger: Logger, metrics: Metrics) {
        self.pool = pool
        self.keep = keep
        self.logger = logger
        batcher = Batcher(maximumBatch: 500, maximumWaiting: 10_000, parallel: 1) { records in
            try await pool.execute(ToolStatements.record(records))
            return records.map { _ in }
        }
        durations = metrics.histogram("martlet_tool_call_seconds", "Time of tool calls.")
        lost = metrics.counter("martlet_tool_calls_unrecorded_total", "Tool calls whose record could not be stored.")
    }

    /// Stores a record. A call whose record cannot be stored has had its effect: it is counted, logged and answered.
    func record(_ record: ToolRecord) async {
        durations.record(record.duration)
        do {
            try await batcher.submit(record)
        } catch {
            lost.add()
            logger.warning(
                "tool call not recorded",
                [
                    "tool": record.tool, "request_id": record.requestID, "outcome": record.outcome.rawValue,
                    "error": "\(error)",
                ]
            )
        }
    }

    /// Records until `stop` is raised, and forgets what is old every ten minutes.
    func run(until stop: StopSignal) async throws {
        try await stop.cancelling {
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await self.batcher.run() }
                group.addTask { try await self.forget() }
                try await group.waitForAll()
            }
        }
    }

    private func forget() async throws {
        while true {
            do {
                let forget = ToolStatements.forget(olderThan: keep, atMost: 10_000)
                while try await pool.execute(forget) == 10_000 {}
            } catch let error as PostgresError {
                logger.debug("old tool calls not forgotten", ["error": "\(error)"])
            }
            try await Task.sleep(for: .seconds(600))
        }
    }
}
