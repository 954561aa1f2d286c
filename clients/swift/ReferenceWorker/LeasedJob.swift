import Concurrency
import JSON
import Lifecycle

/// A job in our hands, as its handler sees it.
final class LeasedJob: Sendable {
    /// It is not ours any more: cancelled, out of time, or in other hands. Nothing that we say of it counts.
    struct Lost: Error {}
    /// The worker stops: the job goes back with its last checkpoint, at no attempt.
    struct Interrupted: Error {}
    /// The attempt failed.
    struct Failed: Error {
        let code: String
        let message: String
        var isRetryable = true
    }

    let id: String
    /// Grows with every lease of the job; systems that we write to can refuse an older one.
    let fence: Int
    let params: JSONElement
    private let session: String
    private let queue: JobQueueClient
    private let stop: StopSignal
    private let lost = StopSignal()
    private let last: Lock<RawJSON?>

    init(_ lease: JSONElement, session: String, _ queue: JobQueueClient, _ stop: StopSignal) {
        id = lease["job_id"]?.string ?? ""
        fence = lease["fence"]?.int ?? 0
        params = lease["params"] ?? .null
        last = Lock(lease.value("checkpoint")?.raw)
        self.session = session
        self.queue = queue
        self.stop = stop
    }

    var isLost: Bool { lost.isRaised }
    /// To be called when the job went on without us.
    func lose() { lost.raise() }

    /// What the attempt before, or this one, said last.
    var checkpoint: RawJSON? { last.withLock { $0 } }

    /// Ends the handler when the job is lost or the worker stops. To be called now and then.
    func check() throws {
        if lost.isRaised { throw Lost() }
        if stop.isRaised { throw Interrupted() }
    }

    /// Waits, and ends the handler as `check` does.
    func sleep(for duration: Duration) async throws {
        let end = ContinuousClock.now + duration
        while ContinuousClock.now < end {
            try check()
            try await Task.sleep(for: min(.milliseconds(20), end - ContinuousClock.now))
        }
        try check()
    }

    /// Says how far the job is; the checkpoint is handed to the next attempt.
    func progress(_ fraction: Double, checkpoint: RawJSON) async throws {
        last.withLock { $0 = checkpoint }
        try await say("progress") {
            $0.member("fraction", fraction)
            $0.member("checkpoint", checkpoint)
        }
        try check()
    }

    /// Says a verb until it was heard.
    @discardableResult
    func say(_ verb: String, _ members: (inout JSONWriter) -> Void = { _ in }) async throws -> Bool {
        if lost.isRaised { throw Lost() }
        let answer = try await queue.post("/api/workers/\(session)/\(verb)") { json in
            json.member("items") { json in
                json.array { json in
                    json.object { json in
                        writeKey(to: &json)
                        members(&json)
                    }
                }
            }
        }
        let status = answer["items"]?.elements.first { _ in true }?["status"]?.string
        if status == "LEASE_LOST" {
            lost.raise()
            throw Lost()
        }
        return status == "ok"
    }

    /// Writes what names the lease.
    func writeKey(to json: inout JSONWriter) {
        json.member("job_id", id)
        json.member("fence", fence)
    }
}
