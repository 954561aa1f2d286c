import Concurrency
import Contracts
import Kernel
import Postgres
import Telemetry

/// Stores what a legacy call has to say, for as long as it says something.
///
/// ```
///                 the answer comes soon
///   waiting ─────────────────────────────▶ JSON, and nothing is stored
///      │ a message comes, or two seconds have passed
///      ▼
///   stream: what comes is stored together with what has come meanwhile, and sent by whoever follows the stream
/// ```
struct MCPRecorder: Sendable {
    /// What the client is answered first.
    enum Opening: Sendable {
        case answer([UInt8])
        case stream
        /// It has called the request off.
        case silence
    }

    /// The stream has ended elsewhere.
    private struct Over: Error {}

    /// How often a process that has nothing to store says that it is alive.
    private static let beat = Duration.seconds(5)
    /// Bytes of the messages of a stream, but for questions and the answer: what is beyond is not stored.
    private static let most = 4 << 20

    let streams: MCPStreams
    let outbox: MCPOutbox
    let request: MCPMessage.ID
    let session: [UInt8]
    let logger: Logger
    let opening = Promise<Opening>()

    /// Does the work, which fills the outbox, and stores what comes of it.
    func run(_ work: @escaping @Sendable () async -> Void) async {
        await withTaskGroup(of: Bool.self) { group in
            group.addTask {
                await work()
                return true
            }
            group.addTask { await record() }
            // Work whose answer nobody can be given ends.
            for await hasEndedWell in group where !hasEndedWell { group.cancelAll() }
        }
    }

    private func record() async -> Bool {
        var unstored = MCPOutbox.Batch()
        do {
            try await store(&unstored)
            return true
        } catch is CancellationError {
            // It was called off, or the process stops: the last word is stored all the same.
            let rest = unstored
            return await Task { await conclude(rest) }.value
        } catch is Over {
            return false
        } catch {
            logger.error("mcp stream not stored", ["stream": outbox.stream.description, "error": "\(error)"])
            opening.fail(error)
            return false
        }
    }

    private func store(_ batch: inout MCPOutbox.Batch) async throws {
        var size = 0
        func bound() {
            batch.events.removeAll { event in
                size += event.message.count
                return size > MCPRecorder.most && !event.isQuestion
            }
        }
        batch = try await outbox.next(atMost: MCPStream.patience)
        if batch.events.isEmpty, !batch.cutsOff, let ending = batch.ending {
            opening.succeed(MCPRecorder.opening(ending))
            return
        }
        bound()
        try await streams.open(outbox.stream, for: request, session: session, with: batch)
        opening.succeed(.stream)
        while batch.ending == nil {
            batch = MCPOutbox.Batch()
            batch = try await outbox.next(atMost: MCPRecorder.beat)
            bound()
            try await append(batch)
        }
    }

    /// Tries for less time than it takes to be thought dead.
    private func append(_ batch: MCPOutbox.Batch) async throws {
        let backoff = Backoff(from: .milliseconds(50), cap: .seconds(2))
        var attempt = 1
        while true {
            do {
                guard try await streams.append(batch, to: outbox.stream) else { throw Over() }
                return
            } catch is PostgresError where attempt < 8 {
                try await Task.sleep(for: backoff.wait(afterAttempt: attempt, random: .system))
                attempt += 1
            }
        }
    }

    /// Takes what still comes, for a short time, and stores it or lets it be answered at once.
    private func conclude(_ rest: MCPOutbox.Batch) async -> Bool {
        do {
            var batch = rest
            let deadline = ContinuousClock.now + .seconds(5)
            while batch.ending == nil, deadline > .now {
                let more = try await outbox.next(atMost: deadline - .now)
                batch.events += more.events
                batch.ending = more.ending
            }
            if opening.succeed(batch.ending.map(MCPRecorder.opening) ?? .silence) { return true }
            return try await streams.append(batch, to: outbox.stream)
        } catch {
            logger.debug("the end of an mcp stream not stored", ["error": "\(error)"])
            return false
        }
    }

    private static func opening(_ ending: MCPOutbox.Ending) -> Opening {
        switch ending {
        case .answer(let answer, _): .answer(answer.message)
        case .silence: .silence
        }
    }
}
