import Concurrency
import HTTPClient
import JSON
import Kernel
import TestSupport
import Testing

/// Invariant 10: a slow, stalled or malicious client costs bounded memory and does not slow the others.
@Suite(.timeLimit(.minutes(5)), .serialized) struct HostileClientTests {
    /// What one service may grow by; what is attempted here would be gigabytes.
    static let allowance = 40 << 20

    @Test func `clients that stall, dawdle and lie cost bounded memory and slow nobody`() async throws {
        try await Cluster.run { cluster in
            let listener = Listener(cluster)
            let listening = Task { try await listener.run() }
            try await eventually("the listener listens") { await listener.isListening }
            // The first rounds also fill caches and buffers, which is nobody's attack.
            for _ in 0..<2 { _ = try await HostileClientTests.round(listener, cluster) }
            var calm = Duration.zero
            for _ in 0..<2 { calm = max(calm, try await HostileClientTests.round(listener, cluster)) }
            let targets = [cluster.notification, cluster.jobQueue]
            var before: [Int] = []
            for target in targets { before.append(try await target.residentBytes) }

            let stalled = try (0..<40).map { _ in try Hostile.stalledReader(of: cluster.notification, cluster.token) }
            var held: [RawSocket] = stalled
            for target in targets { held += try Hostile.all(against: target, cluster.token) }
            let dawdlers = try targets.flatMap { target in try (0..<100).map { _ in try RawSocket(target.port) } }
            let dawdling = Task {
                let head = Array("GET /ready HTTP/1.1\r\nHost: h\r\nX: ".utf8) + Array(repeating: 0x61, count: 100_000)
                for byte in head {
                    for socket in dawdlers { socket.push([byte]) }
                    try await Task.sleep(for: .milliseconds(100))
                }
            }
            var hard = Duration.zero
            var peaks = before
            for _ in 0..<8 {
                hard = max(hard, try await HostileClientTests.round(listener, cluster))
                for (index, target) in targets.enumerated() {
                    let start = ContinuousClock.now
                    #expect(try await cluster.get("http://127.0.0.1:\(target.port)/ready").status == 200)
                    #expect(ContinuousClock.now - start < .seconds(2), "\(target.name) is slow to answer")
                    peaks[index] = max(peaks[index], try await target.residentBytes)
                }
            }
            #expect(hard < max(.seconds(2), calm * 5), "a round took \(calm) in calm and \(hard) beside the others")
            for (index, target) in targets.enumerated() {
                let grown = peaks[index] - before[index]
                print("hostile: \(target.name) grew by \(grown >> 20) MiB; rounds took \(calm), then \(hard)")
                #expect(grown < HostileClientTests.allowance, "\(target.name) grew by \(grown) bytes")
            }
            let metrics = "http://127.0.0.1:\(cluster.notification.port)/metrics"
            try await eventually("who reads nothing is cut off") {
                try await cluster.get(metrics).text.contains("martlet_notify_slow_closes_total 40")
            }
            dawdling.cancel()
            _ = await dawdling.result
            listening.cancel()
            _ = await listening.result
            withExtendedLifetime(held) {}
        }
    }

    /// Submits jobs and waits until the listener was told of each: how long that took.
    private static func round(_ listener: Listener, _ cluster: Cluster) async throws -> Duration {
        let jobs = Array(repeating: #"{"kind":"nobody","params":{}}"#, count: 4000).joined(separator: ",")
        let start = ContinuousClock.now
        let answer = try await cluster.post(cluster.jobQueue, "/api/jobs/batch", "{\"jobs\":[\(jobs)]}")
        try #require((200..<300).contains(answer.status), "\(answer.status) \(answer.text.prefix(200))")
        await listener.expect(4000)
        try await eventually("the listener was told of all") {
            try #require(await !listener.hasEnded)
            return await listener.hasAll
        }
        return ContinuousClock.now - start
    }

    /// A client that reads as it should.
    actor Listener {
        private let cluster: Cluster
        private var expected = 0
        private var ids: Set<String> = []
        private(set) var isListening = false
        private(set) var hasEnded = false

        init(_ cluster: Cluster) { self.cluster = cluster }

        func expect(_ count: Int) { expected += count }
        var hasAll: Bool { ids.count >= expected }

        private func note(_ job: JSONElement) { if let id = job["job_id"]?.string { ids.insert(id) } }

        func run() async throws {
            defer { hasEnded = true }
            let response = try await cluster.client.stream(
                ClientRequest(
                    "GET",
                    "http://127.0.0.1:\(cluster.notification.port)/sse?context_id=queue:default",
                    headers: [("Authorization", "Bearer \(cluster.token)"), ("Accept", "text/event-stream")],
                    timeouts: .streaming(connect: .seconds(1), idle: .seconds(60))
                )
            )
            try #require(response.status == 200)
            isListening = true
            var parser = ServerSentEvents()
            for try await chunk in response.body {
                for event in try parser.feed(chunk) {
                    let message = try JSONDocument(parsing: event.data).root
                    // One that was overtaken is told how all jobs stand.
                    for job in message["jobs"]?.elements.map({ $0 }) ?? [] { note(job) }
                    if let job = message["data"] { note(job) }
                }
            }
        }
    }
}

/// Ways to be a bad client.
enum Hostile {
    static func upgrade(_ path: String, _ token: String? = nil) -> String {
        "GET \(path) HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
            + "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
            + (token.map { "Authorization: Bearer \($0)\r\n" } ?? "") + "\r\n"
    }

    /// Watches everything and reads nothing.
    static func stalledReader(of service: ServiceProgram, _ token: String) throws -> RawSocket {
        let socket = try RawSocket(service.port, receiveBuffer: 4096)
        socket.push(upgrade("/ws?context_id=queue:default", token))
        return socket
    }

    /// All that is done by sending once, ten of each.
    static func all(against service: ServiceProgram, _ token: String) throws -> [RawSocket] {
        let post =
            "POST /api/jobs HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer \(token)\r\n"
            + "Content-Type: application/json\r\n"
        let megabyte = Array(repeating: UInt8(ascii: "a"), count: 1 << 20)
        var sockets: [RawSocket] = []
        for _ in 0..<10 {
            // A head that never ends.
            let endless = try RawSocket(service.port)
            endless.push("GET / HTTP/1.1\r\nHost: h\r\nX: ")
            endless.push(megabyte)
            // A body that was announced as large, and one that was not announced.
            let announced = try RawSocket(service.port)
            announced.push(post + "Content-Length: 4000000000\r\n\r\n")
            announced.push(megabyte)
            let chunked = try RawSocket(service.port)
            chunked.push(post + "Transfer-Encoding: chunked\r\n\r\n")
            for _ in 0..<8 { chunked.push(Array("100000\r\n".utf8) + megabyte + Array("\r\n".utf8)) }
            // Answers that nobody takes, each a thousand times as large as its question.
            let greedy = try RawSocket(service.port, receiveBuffer: 4096)
            for _ in 0..<20 {
                greedy.push(String(repeating: "GET /openapi.json HTTP/1.1\r\nHost: h\r\n\r\n", count: 1000))
            }
            // Nothing more will come, and the answer is not read either.
            let half = try RawSocket(service.port, receiveBuffer: 4096)
            half.push("GET /openapi.json HTTP/1.1\r\nHost: h\r\n\r\n")
            half.halfClose()
            // A frame of 2^62 bytes, and a message of endless pieces.
            let frame = try RawSocket(service.port)
            frame.push(upgrade("/ws", token))
            frame.push([0x82, 0xFF, 0x40, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4])
            frame.push(megabyte)
            let pieces = try RawSocket(service.port)
            pieces.push(upgrade("/ws", token))
            pieces.push([0x02, 0x81, 1, 2, 3, 4, 0])
            for _ in 0..<2000 { pieces.push([0x00, 0xFE, 0x03, 0xE8, 1, 2, 3, 4] + megabyte.prefix(1000)) }
            // Questions that want answers, without reading any.
            let pings = try RawSocket(service.port, receiveBuffer: 4096)
            pings.push(upgrade("/ws", token))
            for _ in 0..<2000 { pings.push([0x89, 0xFD, 1, 2, 3, 4] + megabyte.prefix(125)) }
            sockets += [endless, announced, chunked, greedy, half, frame, pieces, pings]
        }
        return sockets
    }
}
