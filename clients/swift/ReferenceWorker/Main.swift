import Dispatch
import Glibc
import HTTPClient
import JSON
import Kernel
import Lifecycle
import Settings

/// The worker in Swift that `martlet conformance worker` checks: the jobs of docs/worker-protocol.md.
@main
struct Main {
    static func main() async throws {
        let environment = Environment.current()
        guard let url = environment["JOB_QUEUE_URL"], let token = environment["MARTLET_TOKEN"],
            let kinds = environment["WORKER_KINDS"]
        else {
            print("JOB_QUEUE_URL, MARTLET_TOKEN and WORKER_KINDS say where to work, as whom, and on what")
            exit(2)
        }
        let stop = StopSignal()
        signal(SIGTERM, SIG_IGN)
        let source = DispatchSource.makeSignalSource(signal: SIGTERM)
        source.setEventHandler { @Sendable in stop.raise() }
        source.resume()
        let queue = JobQueueClient(url: url, token: Secret(token))
        let names = kinds.split(separator: ",").map(String.init)
        try await ReferenceWorker(queue, kinds: names, stop: stop, handler: work).run()
        await queue.client.shutdown()
    }

    private static func work(_ job: LeasedJob) async throws -> (inout JSONWriter) -> Void {
        let params = job.params
        func number(_ name: String) -> Int? { params.value(name)?.int }
        switch params["do"]?.string {
        case "echo":
            let value = params["value"]
            return { $0.member("echo", value) }
        case "sleep":
            try await job.sleep(for: .milliseconds(number("ms") ?? 0))
            return { _ in }
        case "fail":
            throw LeasedJob.Failed(
                code: params["code"]?.string ?? "",
                message: "asked to fail",
                isRetryable: params["retryable"]?.bool ?? true
            )
        case "count": return try await count(job, to: number("to") ?? 0, number("step_ms") ?? 0, number("fail_at"))
        default: throw LeasedJob.Failed(code: "UNKNOWN_TASK", message: "", isRetryable: false)
        }
    }

    /// Counts from the last checkpoint on.
    private static func count(_ job: LeasedJob, to end: Int, _ step: Int, _ stumble: Int?) async throws
        -> (inout JSONWriter) -> Void
    {
        let first = try job.checkpoint.map { try JSONDocument(parsing: $0.bytes).root["n"]?.int ?? 0 } ?? 0
        for number in first..<max(first, end) {
            if first == 0, number == stumble { throw LeasedJob.Failed(code: "STUMBLED", message: "at \(number)") }
            try await job.sleep(for: .milliseconds(step))
            let checkpoint = JSONWriter.bytes { json in json.object { $0.member("n", number + 1) } }
            try await job.progress(Double(number + 1) / Double(end), checkpoint: RawJSON(checkpoint))
        }
        return {
            $0.member("from", first)
            $0.member("to", end)
        }
    }
}
