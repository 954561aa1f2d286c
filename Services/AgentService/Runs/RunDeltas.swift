import Concurrency
import Contracts
import Kernel
import LanguageModels
import Lifecycle
import Postgres
import Telemetry

/// Gives out what models say while they say it: the pieces of all turns under way, put together, every 50 ms.
///
/// Pieces are for the eye. What counts is the turn's own event, which has the whole text: pieces that cannot be stored
/// are counted and dropped.
final class RunDeltas: Service {
    /// A turn whose pieces are given out.
    struct Turn: Sendable, Hashable {
        let run: RunID
        let thread: ThreadID
        let step: Int
        let fence: Int64
        let trace: String
    }

    private struct Pending {
        var pieces: [(kind: String, text: String)] = []
        var bytes = 0
        /// Pieces given out so far.
        var count = 0
    }

    /// How often pieces are given out, at most.
    static let period = Duration.milliseconds(50)
    /// Bytes of a turn that wait to be given out.
    private static let most = 256 << 10

    let name = "run deltas"
    private let pool: Pool
    private let changed: @Sendable () -> Void
    private let logger: Logger
    private let dropped: Counter
    private let turns = Lock<[Turn: Pending]>([:])
    /// Held while pieces are being stored: whoever ends a turn waits for it.
    private let storing = AsyncSemaphore(places: 1, maximumWaiters: 10_000)
    private let arrived = Wakeup()

    init(pool: Pool, logger: Logger, metrics: Metrics, changed: @escaping @Sendable () -> Void) {
        self.pool = pool
        self.changed = changed
        self.logger = logger
        dropped = metrics.counter(
            "martlet_run_deltas_dropped_total",
            "Pieces of models' answers that were not given out while they came."
        )
    }

    /// Takes the next piece of a turn.
    func add(_ delta: ModelDelta, to turn: Turn) {
        let (kind, text) =
            switch delta {
            case .text(let text): ("text", text)
            case .reasoning(let text): ("reasoning", text)
            case .toolCall(let name): ("tool_call", name)
            }
        let fits = turns.withLock { turns in
            var pending = turns.removeValue(forKey: turn) ?? Pending()
            defer { turns[turn] = pending }
            guard pending.bytes + text.utf8.count <= RunDeltas.most else { return false }
            pending.bytes += text.utf8.count
            if kind != "tool_call", let last = pending.pieces.indices.last, pending.pieces[last].kind == kind {
                pending.pieces[last].text += text
            } else {
                pending.pieces.append((kind, text))
            }
            return true
        }
        if fits { arrived.signal() } else { dropped.add() }
    }

    /// Ends a turn. What it has left comes with the turn's own event; no piece follows that.
    func end(_ turn: Turn) async throws {
        turns.withLock { $0[turn] = nil }
        try await storing.withPlace {}
    }

    func run(until stop: StopSignal) async throws {
        try await stop.cancelling {
            while true {
                guard try await self.arrived.wait(atMost: .seconds(3600)) else { continue }
                try await self.storing.withPlace { await self.store() }
                try await Task.sleep(for: RunDeltas.period)
            }
        }
    }

    private func store() async {
        let deltas = turns.withLock { RunDeltas.take(&$0) }
        guard !deltas.isEmpty else { return }
        do {
            try await pool.execute(RunEventStatements.append(deltas))
            changed()
        } catch {
            dropped.add(deltas.count)
            logger.debug("pieces of answers not given out", ["error": "\(error)"])
        }
    }

    private static func take(_ turns: inout [Turn: Pending]) -> [RunEventStatements.Delta] {
        var deltas: [RunEventStatements.Delta] = []
        for turn in turns.keys {
            guard var pending = turns[turn] else { continue }
            for piece in pending.pieces {
                pending.count += 1
                deltas.append(
                    RunEventStatements.Delta(
                        run: turn.run,
                        thread: turn.thread,
                        step: turn.step,
                        number: "\(turn.step)-\(turn.fence)-\(pending.count)",
                        kind: piece.kind,
                        text: piece.text,
                        trace: turn.trace
                    )
                )
            }
            pending.pieces = []
            pending.bytes = 0
            turns[turn] = pending
        }
        return deltas
    }
}
