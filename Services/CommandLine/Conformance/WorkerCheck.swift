import JSON

/// One thing that a worker must do.
struct WorkerCheck: Sendable {
    let name: String
    /// - Throws: `WorkerBench.Violation` when it does not.
    let run: @Sendable (WorkerBench) async throws -> Void

    init(_ name: String, _ run: @escaping @Sendable (WorkerBench) async throws -> Void) {
        self.name = name
        self.run = run
    }

    typealias Violation = WorkerBench.Violation

    /// All of them, in the order in which they are made; docs/worker-protocol.md says the same in words.
    static let all = basics + losses + endings

    private static let basics = [
        WorkerCheck("opens a session for its kinds") { bench in
            _ = bench.worker()
            try await bench.wait(20, "no POST /api/workers within 20 s") {
                bench.proxy.exchanges.contains { $0.deed == "register" && $0.status == 201 }
            }
            let kinds = bench.proxy.exchanges.first { $0.deed == "register" }?.request["kinds"]
            guard kinds?.elements.contains(where: { $0.string == bench.kind }) == true else {
                throw Violation("its kinds are not those of WORKER_KINDS: \(kinds?.text ?? "none")")
            }
        },
        WorkerCheck("starts a job before it works on it, and completes it with its result") { bench in
            let id = try await bench.submit("echo") { $0.member("value", "héllo") }
            let job = try await bench.wait(for: id, toBe: "completed")
            guard job["result"]?["echo"]?.string == "héllo" else {
                throw Violation("the result is \(job["result"]?.text ?? "missing"), not {\"echo\":\"héllo\"}")
            }
            let deeds = bench.said(of: id).map(\.deed)
            guard deeds.first == "start" else { throw Violation("it said \(deeds.joined(separator: ", "))") }
        },
        WorkerCheck("sends heartbeats while it works") { bench in
            let id = try await bench.submit("sleep") { $0.member("ms", 1800) }
            _ = try await bench.wait(for: id, toBe: "completed")
            let said = bench.said(of: id)
            guard let begin = said.first?.at, let end = said.last?.at else { throw Violation("it said nothing") }
            let beats = bench.proxy.exchanges.count { $0.deed == "heartbeat" && $0.at > begin && $0.at < end }
            guard beats >= 3 else {
                throw Violation(
                    "\(beats) heartbeats in 1.8 s; every heartbeat_ms (\(WorkerProxy.heartbeat)) one is due"
                )
            }
        },
        WorkerCheck("says how a job failed, and whether another try may help") { bench in
            let id = try await bench.submit("fail") {
                $0.member("code", "NO_PAPER")
                $0.member("retryable", false)
            }
            let job = try await bench.wait(for: id, toBe: "failed")
            guard job["error_code"]?.string == "NO_PAPER" else {
                throw Violation("the code is \(job["error_code"]?.string ?? "missing"), not NO_PAPER")
            }
            guard job["attempt"]?.int == 1 else { throw Violation("it was tried again") }
        },
        WorkerCheck("goes on from the checkpoint of the attempt before") { bench in
            let id = try await bench.submit("count") {
                $0.member("to", 6)
                $0.member("step_ms", 30)
                $0.member("fail_at", 3)
            }
            let job = try await bench.wait(for: id, toBe: "completed", within: 30)
            guard job["attempt"]?.int == 2, job["result"]?["from"]?.int == 3 else {
                throw Violation("attempt \(job["attempt"]?.int ?? 0) went on from \(job["result"]?.text ?? "nothing")")
            }
        },
    ]

    private static let losses = [
        WorkerCheck("stops a job that was cancelled, and says so") { bench in
            let id = try await bench.submit("sleep") { $0.member("ms", 60_000) }
            try await bench.wait(for: "start", of: id)
            try await bench.call("POST", "/api/jobs/\(id)/cancel")
            try await bench.wait(5, "no heartbeat says within 5 s that it has stopped") {
                bench.proxy.exchanges.contains { exchange in
                    exchange.request["stopped"]?.elements.contains { $0["job_id"]?.string == id } == true
                }
            }
            guard bench.said("complete", of: id).isEmpty else { throw Violation("it completed the cancelled job") }
            try await bench.worksOn()
        },
        WorkerCheck("lets go of a job that is not its own any more") { bench in
            // It hears nothing of the cancellation, so what it says of the job is answered LEASE_LOST.
            bench.proxy.setFaults { $0.hidesCancellations = true }
            defer { bench.proxy.setFaults { $0.hidesCancellations = false } }
            let id = try await bench.submit("sleep") { $0.member("ms", 1000) }
            try await bench.wait(for: "start", of: id)
            try await bench.call("POST", "/api/jobs/\(id)/cancel")
            try await bench.wait(10, "it never came to say anything that was refused") {
                bench.said(of: id).contains { $0.outcome(id) == "LEASE_LOST" }
            }
            let count = bench.said(of: id).count
            try await Task.sleep(for: .seconds(1))
            guard bench.said(of: id).count <= count + 1 else {
                throw Violation("it goes on about a job that it has lost")
            }
            try await bench.worksOn()
        },
        WorkerCheck("says it again when the answer was lost, and works once") { bench in
            bench.proxy.setFaults { $0.losesAnswerTo = "complete" }
            let id = try await bench.submit("echo") { $0.member("value", "once") }
            try await bench.wait(20, "the completion whose answer was lost was not repeated") {
                bench.said("complete", of: id).count >= 2
            }
            guard bench.said("complete", of: id).last?.outcome(id) == "ok" else {
                throw Violation("the repetition was refused: it must name the same fence")
            }
            guard Set(bench.said("start", of: id).compactMap { $0.item(id)?["fence"]?.int }).count == 1 else {
                throw Violation("it worked twice")
            }
        },
        WorkerCheck("waits while the service is away, without a storm, and works on after it") { bench in
            let worker = bench.worker()
            bench.proxy.setFaults { $0.isAway = true }
            let before = bench.proxy.exchanges.count
            try await Task.sleep(for: .seconds(4))
            let requests = bench.proxy.exchanges.count - before
            bench.proxy.setFaults { $0.isAway = false }
            guard worker.status == nil else { throw Violation("it ended when the service was away") }
            guard requests <= 100 else {
                throw Violation("\(requests) requests in 4 s: it must wait, longer each time")
            }
            try await bench.worksOn()
        },
        WorkerCheck("opens another session when its own is gone") { bench in
            let session = bench.proxy.exchanges.last { $0.deed == "register" && $0.status == 201 }
            guard let id = session?.answer["worker_id"]?.string else { throw Violation("it has no session") }
            let before = bench.proxy.exchanges.count
            try await bench.call("DELETE", "/api/workers/\(id)")
            try await bench.wait(20, "no POST /api/workers within 20 s") {
                bench.proxy.exchanges.dropFirst(before).contains { $0.deed == "register" && $0.status == 201 }
            }
            try await bench.worksOn()
        },
    ]

    private static let endings = [
        WorkerCheck("finishes what it has, takes no more and ends when it is told to drain") { bench in
            let worker = bench.worker()
            let id = try await bench.submit("sleep") { $0.member("ms", 1500) }
            try await bench.wait(for: "start", of: id)
            guard let session = bench.said("start", of: id).last?.worker else { throw Violation("it has no session") }
            try await bench.call("POST", "/api/workers/\(session)/drain")
            try await bench.wait(5, "no heartbeat within 5 s") {
                bench.proxy.exchanges.contains { $0.deed == "heartbeat" && $0.answer["command"]?.string == "drain" }
            }
            let next = try await bench.submit("echo") { $0.member("value", "for another") }
            try await bench.waitForEnd(of: worker, after: "the last job that it had")
            guard try await bench.job(id)["status"]?.string == "completed" else {
                throw Violation("it left its job behind")
            }
            guard bench.said("start", of: next).isEmpty else { throw Violation("it took another job") }
            guard bench.proxy.exchanges.contains(where: { $0.deed == "close" && $0.worker == session }) else {
                throw Violation("it did not close its session: DELETE /api/workers/{id}")
            }
            _ = bench.worker()
            _ = try await bench.wait(for: next, toBe: "completed", within: 20)
        },
        WorkerCheck("hands back on SIGTERM what it cannot finish, and the next one goes on") { bench in
            let worker = bench.worker()
            let id = try await bench.submit("count") {
                $0.member("to", 1_000_000)
                $0.member("step_ms", 20)
            }
            func counted() -> Int {
                bench.said("progress", of: id).compactMap { $0.item(id)?["checkpoint"]?["n"]?.int }.last ?? 0
            }
            try await bench.wait(15, "no progress with a checkpoint {\"n\":…}") { counted() >= 5 }
            worker.terminate()
            try await bench.waitForEnd(of: worker, after: "SIGTERM")
            let job = try await bench.job(id)
            guard job["status"]?.string == "queued", job["attempt"]?.int == 0 else {
                let (status, attempt) = (job["status"]?.string ?? "", job["attempt"]?.int ?? -1)
                throw Violation("the job is \(status) on attempt \(attempt), not in line at no attempt")
            }
            let reached = counted()
            let mark = bench.proxy.exchanges.count
            _ = bench.worker()
            func next() -> [Int] {
                bench.proxy.exchanges.dropFirst(mark).filter { $0.deed == "progress" }
                    .compactMap { $0.item(id)?["checkpoint"]?["n"]?.int }
            }
            try await bench.wait(20, "nobody went on with it within 20 s") { !next().isEmpty }
            try await bench.call("POST", "/api/jobs/\(id)/cancel")
            guard let first = next().first, first > reached - 2 else {
                throw Violation("it had counted to \(reached), and went on from \(next().first ?? 0)")
            }
            try await bench.worksOn()
        },
    ]
}
