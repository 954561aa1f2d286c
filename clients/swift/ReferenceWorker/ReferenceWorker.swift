import Concurrency
import JSON
import Kernel
import Lifecycle

/// A worker that keeps the protocol of docs/worker-protocol.md, one job at a time.
///
/// ```
///   open a session ──▶ acquire ──▶ start ──▶ handler ──▶ complete | fail | release
///         ▲               ▲                                   │
///         │               └────────── until stopped, drained ─┘──▶ close the session
///         └─ session gone: all jobs are lost
/// ```
final class ReferenceWorker: Sendable {
    /// Runs a job and writes the members of its result.
    typealias Handler = @Sendable (LeasedJob) async throws -> (inout JSONWriter) -> Void

    private struct State {
        var job: LeasedJob?
        /// Leases that went on without us and that we have stopped.
        var stopped: [RawJSON] = []
    }

    private let queue: JobQueueClient
    private let kinds: [String]
    private let handler: Handler
    /// Hand everything back, and go.
    private let stop: StopSignal
    /// Finish what there is, and go.
    private let drain = StopSignal()
    private let state = Lock(State())

    init(_ queue: JobQueueClient, kinds: [String], stop: StopSignal, handler: @escaping Handler) {
        self.queue = queue
        self.kinds = kinds
        self.stop = stop
        self.handler = handler
    }

    private var isLeaving: Bool { stop.isRaised || drain.isRaised }

    func run() async throws {
        while !isLeaving {
            do {
                try await serve()
            } catch is JobQueueClient.SessionGone {
                state.withLock { $0 = State() }
            }
        }
    }

    private func serve() async throws {
        let session = try await queue.post("/api/workers") {
            $0.member("name", "reference-worker")
            $0.member("kinds", kinds)
        }
        let id = session["worker_id"]?.string ?? ""
        let period = Duration.milliseconds(session["heartbeat_ms"]?.int ?? 1000)
        // The heartbeats go on to the very end: a job that still runs needs its lease.
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                while true {
                    try await Task.sleep(for: period)
                    try await self.beat(id)
                }
            }
            group.addTask {
                while !self.isLeaving { try await self.takeOne(id) }
                // What was leased and not heard of goes back with the session.
                _ = try await self.queue.call("DELETE", "/api/workers/\(id)")
            }
            defer { group.cancelAll() }
            do {
                try await group.next()
            } catch {
                state.withLock { $0.job }?.lose()
                throw error
            }
        }
    }

    private func beat(_ session: String) async throws {
        let (job, stopped) = state.withLock { state in
            defer { state.stopped = [] }
            return (state.job, state.stopped)
        }
        let answer = try await queue.post("/api/workers/\(session)/heartbeat") { json in
            json.member("stopped") { json in json.array { json in for key in stopped { json.value(key) } } }
            json.member("holding") { json in json.array { json in if let job { json.object(job.writeKey) } } }
        }
        if answer["command"]?.string == "drain" { drain.raise() }
        for key in answer["cancel"]?.elements.map({ $0 }) ?? [] {
            state.withLock { state in
                if let job = state.job, job.id == key["job_id"]?.string, job.fence == key["fence"]?.int {
                    job.lose()
                } else {
                    state.stopped.append(key.raw)
                }
            }
        }
    }

    /// Leases a job and runs it to its end, or to ours.
    private func takeOne(_ session: String) async throws {
        let answer = try await queue.post("/api/workers/\(session)/acquire") {
            $0.member("max", 1)
            $0.member("wait_ms", 2000)
        }
        guard let lease = answer["leases"]?.elements.first(where: { _ in true }) else { return }
        let job = LeasedJob(lease, session: session, queue, stop)
        state.withLock { $0.job = job }
        do {
            try await attempt(job)
        } catch is LeasedJob.Lost {
            // Nothing that we say of it counts.
        }
        state.withLock { state in
            state.job = nil
            if job.isLost { state.stopped.append(RawJSON(JSONWriter.bytes { $0.object(job.writeKey) })) }
        }
    }

    private func attempt(_ job: LeasedJob) async throws {
        guard try await job.say("start") else { return }
        do {
            let result = try await handler(job)
            try await job.say("complete") { json in json.member("result") { $0.object(result) } }
        } catch let failure as LeasedJob.Failed {
            try await job.say("fail") {
                $0.member("code", failure.code)
                $0.member("message", failure.message)
                $0.member("retryable", failure.isRetryable)
            }
        } catch is LeasedJob.Interrupted {
            let checkpoint = job.checkpoint
            try await job.say("release") { if let checkpoint { $0.member("checkpoint", checkpoint) } }
        }
    }
}
