import Concurrency
import HTTPClient
import JSON
import Kernel

/// How long it takes from the start of a submission until its update has come over an event stream.
struct LatencyRow: Sendable {
    let services: Services
    var jobs = 250
    var pause = Duration.milliseconds(20)

    private struct Submission: Sendable {
        let start: ContinuousClock.Instant
        let answer: ContinuousClock.Instant
    }

    func measure() async throws -> String {
        try await withDeadline(pause * jobs + .seconds(20), for: "the updates of all jobs") {
            var watch = try await Watch(services)
            async let submissions = submit()
            let arrivals = try await watch.arrivals(of: jobs)
            let pairs = try await submissions.compactMap { id, sent in arrivals[id].map { (sent, $0) } }
            let updates = Quantiles(pairs.map { sent, arrival in arrival - sent.start })
            let answers = Quantiles(pairs.map { sent, _ in sent.answer - sent.start })
            return "jobs=\(pairs.count) p50_ms=\(updates[0.5]) p99_ms=\(updates[0.99]) "
                + "answer_p50_ms=\(answers[0.5]) answer_p99_ms=\(answers[0.99])"
        }
    }

    /// Submits one job after each pause; which job was sent when.
    private func submit() async throws -> [String: Submission] {
        var sent: [String: Submission] = [:]
        let begin = ContinuousClock.now
        for number in 0..<jobs {
            try await Task.sleep(until: begin + pause * number)
            let start = ContinuousClock.now
            let job = try await services.post("/api/jobs") {
                $0.member("kind", "bench-latency")
                $0.member("params") { $0.object { $0.member("number", number) } }
            }
            if let id = job["job_id"]?.string { sent[id] = Submission(start: start, answer: .now) }
        }
        return sent
    }
}

/// A watcher of everything, from when its snapshot has come.
private struct Watch {
    private let body: ResponseBody
    private var parser = ServerSentEvents()

    init(_ services: Services) async throws {
        let request = ClientRequest(
            "GET",
            services.notification + "/sse?context_id=all",
            headers: [services.authorization, ("Accept", "text/event-stream")],
            timeouts: .streaming()
        )
        let response = try await services.client.stream(request)
        guard response.status == 200 else { throw Services.Refused(path: "/sse", status: response.status) }
        body = response.body
        while let chunk = try await body.next() {
            for event in try parser.feed(chunk) {
                let message = try JSONDocument(parsing: event.data).root
                if message["type"]?.string == "snapshot", message["last"]?.bool == true { return }
            }
        }
        throw Services.Refused(path: "/sse", status: response.status)
    }

    /// When the first update of each of so many jobs came.
    mutating func arrivals(of count: Int) async throws -> [String: ContinuousClock.Instant] {
        var arrivals: [String: ContinuousClock.Instant] = [:]
        while arrivals.count < count, let chunk = try await body.next() {
            let now = ContinuousClock.now
            for event in try parser.feed(chunk) {
                let message = try JSONDocument(parsing: event.data).root
                guard message["type"]?.string == "job_update", let id = message["data"]?["job_id"]?.string else {
                    continue
                }
                arrivals[id] = arrivals[id] ?? now
            }
        }
        return arrivals
    }
}

/// Measured times, to be asked for their quantiles in milliseconds.
struct Quantiles {
    private let sorted: [Duration]

    init(_ durations: [Duration]) { sorted = durations.sorted() }

    subscript(fraction: Double) -> Double {
        guard !sorted.isEmpty else { return 0 }
        let index = min(sorted.count - 1, Int(Double(sorted.count) * fraction))
        return Double(sorted[index].microseconds) / 1000
    }
}
