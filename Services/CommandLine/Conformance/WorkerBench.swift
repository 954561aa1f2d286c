import Concurrency
import JSON
import Kernel
import Subprocess

/// What a check works with: the worker, what it said, and the job queue behind it.
final class WorkerBench: Sendable {
    /// The worker did what it must not, or did not what it must.
    struct Violation: Error, CustomStringConvertible {
        let description: String
        init(_ description: String) { self.description = description }
    }

    /// The one kind of job that the worker under test runs; nobody else does.
    let kind = "conformance-\(Hex.encode(RandomSource.system.bytes(6)))"
    let proxy: WorkerProxy
    private let session: Session
    private let command: String
    private let folder: String
    private let environment: [String: String]
    private let process: Lock<WorkerProcess?> = Lock(nil)

    init(_ session: Session, _ proxy: WorkerProxy, command: String, folder: String, environment: [String: String]) {
        self.session = session
        self.proxy = proxy
        self.command = command
        self.folder = folder
        self.environment = environment
    }

    // MARK: The worker

    /// The worker's program; started when it does not run.
    func worker() -> WorkerProcess {
        process.withLock { process in
            if let process, process.status == nil { return process }
            let started = WorkerProcess(
                command,
                folder: folder,
                environment: environment.merging(["WORKER_KINDS": kind]) { $1 }
            )
            process = started
            return started
        }
    }

    /// What the worker wrote last.
    var lines: [String] { process.withLock { $0?.lines ?? [] } }

    func stopWorker() async { await process.withLock { $0 }?.stop() }

    /// Waits until the worker has ended, which it must do with 0.
    func waitForEnd(of worker: WorkerProcess, after what: String) async throws {
        try await wait(15, "the worker did not end within 15 s after \(what)") { worker.status != nil }
        guard worker.status == .exited(0) else {
            throw Violation("the worker ended with \(worker.status.map { "\($0)" } ?? "nothing"), not with 0")
        }
    }

    // MARK: The job queue

    /// Submits a job for the worker.
    func submit(_ task: String, _ more: (inout JSONWriter) -> Void = { _ in }) async throws -> String {
        let body = JSONWriter.bytes { json in
            json.object { json in
                json.member("kind", kind)
                json.member("params") { json in
                    json.object {
                        $0.member("do", task)
                        more(&$0)
                    }
                }
            }
        }
        let job = try await session.services.call("POST", session.jobQueue, "/api/jobs", body: body)
        return job["job_id"]?.string ?? ""
    }

    func call(_ method: String, _ path: String) async throws {
        _ = try await session.services.call(method, session.jobQueue, path)
    }

    func job(_ id: String) async throws -> JSONElement {
        try await session.services.call("GET", session.jobQueue, "/api/jobs/\(id)")
    }

    /// Waits until a job has a status.
    func wait(for id: String, toBe status: String, within seconds: Int = 15) async throws -> JSONElement {
        let deadline = ContinuousClock.now + .seconds(seconds)
        while true {
            let job = try await job(id)
            if job["status"]?.string == status { return job }
            guard ContinuousClock.now < deadline else {
                let present = job["status"]?.string ?? "nothing"
                throw Violation("the job is \(present) after \(seconds) s, not \(status)")
            }
            try await Task.sleep(for: .milliseconds(20))
        }
    }

    /// Waits until something is so.
    func wait(_ seconds: Int, _ otherwise: String, until condition: () async throws -> Bool) async throws {
        let deadline = ContinuousClock.now + .seconds(seconds)
        while try await !condition() {
            guard ContinuousClock.now < deadline else { throw Violation(otherwise) }
            try await Task.sleep(for: .milliseconds(10))
        }
    }

    // MARK: What was said

    /// What the worker said of a job, in order.
    func said(_ deed: String? = nil, of job: String) -> [WorkerProxy.Exchange] {
        proxy.exchanges.filter { ($0.deed == deed || deed == nil) && $0.item(job) != nil }
    }

    /// Waits until the worker has said something of a job.
    func wait(for deed: String, of job: String, within seconds: Int = 15) async throws {
        try await wait(seconds, "no \(deed) within \(seconds) s") { !said(deed, of: job).isEmpty }
    }

    /// A job that every worker can do, to see that it still works.
    func worksOn() async throws {
        let id = try await submit("echo") { $0.member("value", "still here") }
        do {
            _ = try await wait(for: id, toBe: "completed", within: 25)
        } catch let violation as Violation {
            throw Violation("it does not work any more: \(violation)")
        }
    }
}
