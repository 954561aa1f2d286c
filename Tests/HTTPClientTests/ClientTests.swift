import Concurrency
import Glibc
import Kernel
import Telemetry
import TestSupport
import Testing

@testable import HTTPClient

@Suite(.timeLimit(.minutes(1))) struct ClientTests {
    private func client(_ settings: ClientSettings = ClientSettings()) -> Client {
        Client(settings, logger: .silent, metrics: Metrics())
    }

    private let twice = RetryRule.safe(attempts: 3, backoff: Backoff(from: .milliseconds(1), cap: .milliseconds(2)))

    @Test func `a request arrives as it was meant, and its answer comes back`() async throws {
        let server = ScriptedServer { connection, _, server in
            while let request = connection.request() {
                server.note(request)
                connection.answer("héllo", status: "201 Created", headers: "X-A: 1\r\nx-a:  2 \r\nEmpty:\r\n")
            }
        }
        let client = client()
        let trace = TraceContext.root()
        let response = try await client.send(
            ClientRequest(
                "POST",
                server.url + "/path?q=1",
                headers: [("Content-Type", "text/plain"), ("X-Empty", "")],
                body: .bytes(Array("body".utf8)),
                trace: trace
            )
        )
        #expect(response.status == 201 && response.text == "héllo")
        #expect(response.headers["x-A"] == "1" && response.headers.values("X-a") == ["1", "2"])
        #expect(response.headers["empty"] == "")
        let request = server.requests.first ?? ""
        #expect(request.hasPrefix("POST /path?q=1 HTTP/1.1\r\n") && request.hasSuffix("\r\n\r\nbody"))
        #expect(request.contains("traceparent: \(trace.traceparent)\r\n"))
        #expect(request.contains("X-Empty:\r\n") && request.contains("User-Agent: martlet\r\n"))
        #expect(!request.contains("Expect:"))
        await client.shutdown()
    }

    @Test(arguments: ["GET", "HEAD", "DELETE", "PUT", "PATCH", "OPTIONS", "POST"])
    func `every method works with and without a body`(method: String) async throws {
        let server = ScriptedServer { connection, _, server in
            while let request = connection.request() {
                server.note(request)
                connection.write("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
            }
        }
        let client = client()
        #expect(try await client.send(ClientRequest(method, server.url)).status == 200)
        if method != "HEAD" {
            #expect(try await client.send(ClientRequest(method, server.url, body: .bytes([65, 66]))).status == 200)
            #expect(server.requests.last?.hasSuffix("Content-Length: 2\r\n\r\nAB") == true)
        }
        #expect(server.requests.allSatisfy { $0.hasPrefix("\(method) / HTTP/1.1\r\n") })
        await client.shutdown()
    }

    @Test func `connections are kept, and 64 requests at a time all get their own answer`() async throws {
        let server = ScriptedServer { connection, _, _ in
            while let request = connection.request() {
                connection.answer(String(request.split(separator: " ")[1]))
            }
        }
        let client = client()
        for _ in 0..<4 {
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in 0..<64 {
                    group.addTask {
                        let response = try await client.send(ClientRequest("GET", server.url + "/\(number)"))
                        #expect(response.text == "/\(number)")
                    }
                }
                try await group.waitForAll()
            }
        }
        #expect(server.connections <= 64)
        await client.shutdown()
    }

    @Test func `chunked bodies, interim answers and trailers are read as one response`() async throws {
        let server = ScriptedServer { connection, _, _ in
            _ = connection.request()
            connection.write("HTTP/1.1 100 Continue\r\nX-Interim: 1\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n")
            connection.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: T\r\n\r\n")
            connection.write("3\r\nabc\r\n4\r\ndefg\r\n0\r\nT: late\r\n\r\n")
        }
        let client = client()
        let response = try await client.send(ClientRequest("GET", server.url))
        #expect(response.text == "abcdefg")
        #expect(response.headers["x-interim"] == nil && response.headers["t"] == nil)
        await client.shutdown()
    }

    @Test func `what is broken is named, and nothing of the URL is printed`() async throws {
        let client = client(ClientSettings(maximumResponseBytes: 100, maximumHeaderBytes: 2000))
        func failure(
            _ script: @escaping @Sendable (ScriptedServer.Connection) -> Void
        ) async -> ClientError? {
            let server = ScriptedServer { connection, _, _ in script(connection) }
            return await #expect(throws: ClientError.self) {
                try await client.send(ClientRequest("GET", server.url + "/secret?token=hidden"))
            }
        }
        let large = ClientError.responseTooLarge(limit: 100)
        #expect(
            await failure {
                _ = $0.request()
                $0.answer(String(repeating: "x", count: 101))
            } == large
        )
        #expect(
            await failure {
                _ = $0.request()
                $0.write("HTTP/1.1 200 OK\r\n\r\n" + String(repeating: "x", count: 5000))
            } == large
        )
        #expect(
            await failure {
                _ = $0.request()
                $0.write("HTTP/1.1 200 OK\r\nX: " + String(repeating: "x", count: 5000) + "\r\n\r\n")
            } == .headersTooLarge(limit: 2000)
        )
        #expect(
            await failure {
                _ = $0.request()
                $0.write("HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhalf")
            } == .connectionLost
        )
        #expect(
            await failure {
                _ = $0.request()
                $0.reset()
            } == .connectionLost
        )
        let garbage = await failure {
            _ = $0.request()
            $0.write("SMTP ready\r\n\r\n")
        }
        guard case .protocolError = garbage else {
            Issue.record("got \(String(describing: garbage))")
            return
        }
        #expect(!"\(garbage.map(\.description) ?? "")".contains("hidden"))
        await client.shutdown()
    }

    @Test func `what cannot be sent is refused`() async throws {
        let client = client()
        for url in [
            "", "ftp://h/", "file:///etc/passwd", "//h/", "http://", "http://u:p@h/", "http://h/a b",
            "http://h/\r\nX: y",
            "http:/h", "gopher://h",
        ] {
            await #expect(throws: ClientError.invalidURL) { try await client.send(ClientRequest("GET", url)) }
        }
        for (name, value) in [("A b", "x"), ("", "x"), ("A:", "x"), ("A", "x\r\nB: y"), ("A", "x\0")] {
            await #expect(throws: ClientError.self) {
                try await client.send(ClientRequest("GET", "http://127.0.0.1:1/", headers: [(name, value)]))
            }
        }
        await #expect(throws: ClientError.invalidRequest("method")) {
            try await client.send(ClientRequest("GET /", "http://127.0.0.1:1/"))
        }
        await #expect(throws: ClientError.couldNotConnect(host: "127.0.0.1:1")) {
            try await client.send(ClientRequest("GET", "http://127.0.0.1:1/"))
        }
        await #expect(throws: ClientError.couldNotResolve(host: "no-such-host.invalid")) {
            try await client.send(ClientRequest("GET", "http://no-such-host.invalid/"))
        }
        await client.shutdown()
        await #expect(throws: ClientError.shutDown) { try await client.send(ClientRequest("GET", "http://h/")) }
    }

    // MARK: - Time

    @Test func `each phase has its limit`() async throws {
        let client = client()
        let silent = ScriptedServer { connection, _, _ in connection.untilClosed() }
        let limits = ClientRequest.Timeouts(total: .milliseconds(200))
        await #expect(throws: ClientError.timedOut(.response)) {
            try await client.send(ClientRequest("GET", silent.url, timeouts: limits))
        }
        let half = ScriptedServer { connection, _, _ in
            _ = connection.request()
            connection.write("HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhalf")
            connection.untilClosed()
        }
        await #expect(throws: ClientError.timedOut(.body)) {
            // Long enough for the head on a busy machine.
            try await client.send(ClientRequest("GET", half.url, timeouts: .init(total: .seconds(2))))
        }
        await #expect(throws: ClientError.timedOut(.idle)) {
            try await client.send(
                ClientRequest("GET", half.url, timeouts: .init(total: .seconds(20), idle: .milliseconds(200)))
            )
        }
        // TLS against a server that never answers the handshake.
        await #expect(throws: ClientError.timedOut(.connect)) {
            try await client.send(
                ClientRequest("GET", "https://127.0.0.1:\(silent.port)/", timeouts: .init(connect: .milliseconds(200)))
            )
        }
        await client.shutdown()
    }

    @Test func `cancelling the task closes the connection`() async throws {
        let closed = Promise<Void>()
        let arrived = Promise<Void>()
        let server = ScriptedServer { connection, _, _ in
            _ = connection.request()
            arrived.succeed(())
            connection.untilClosed()
            closed.succeed(())
        }
        let client = client()
        let task = Task { try await client.send(ClientRequest("GET", server.url)) }
        try await arrived.value()
        task.cancel()
        await #expect(throws: CancellationError.self) { try await task.value }
        try await closed.value()
        await client.shutdown()
    }

    @Test func `shutting down ends what is under way`() async throws {
        let arrived = Promise<Void>()
        let server = ScriptedServer { connection, _, _ in
            _ = connection.request()
            arrived.succeed(())
            connection.untilClosed()
        }
        let client = client()
        let task = Task { try await client.send(ClientRequest("GET", server.url)) }
        try await arrived.value()
        await client.shutdown()
        await #expect(throws: ClientError.shutDown) { try await task.value }
    }

    // MARK: - Trying again

    @Test func `an answer of 503 is tried again for what is idempotent only, and Retry-After is honoured`() async throws
    {
        let server = ScriptedServer { connection, _, server in
            while let request = connection.request() {
                server.note(request)
                let count = server.requests.count
                if count % 3 == 0 {
                    connection.answer("ok")
                } else {
                    connection.answer("", status: "503 Busy", headers: count % 3 == 1 ? "Retry-After: 1\r\n" : "")
                }
            }
        }
        let client = client()
        let start = ContinuousClock.now
        #expect(try await client.send(ClientRequest("GET", server.url, retry: twice)).status == 200)
        #expect(server.requests.count == 3 && .now - start >= .seconds(1))
        #expect(try await client.send(ClientRequest("POST", server.url, retry: twice)).status == 503)
        #expect(server.requests.count == 4)
        let keyed = ClientRequest("POST", server.url, headers: [("idempotency-key", "k")], retry: twice)
        #expect(try await client.send(keyed).status == 200)
        #expect(server.requests.count == 6)
        await client.shutdown()
    }

    @Test func `a POST that was sent is never sent twice, also over a kept connection that has died`() async throws {
        let server = ScriptedServer { connection, number, server in
            // Each first connection serves one request and dies with the second, unanswered.
            while let request = connection.request() {
                server.note(request)
                if server.requests.count == 2 { return }
                connection.answer("ok")
            }
        }
        let client = client()
        let post = ClientRequest("POST", server.url, body: .bytes([1, 2, 3]), retry: twice)
        #expect(try await client.send(post).status == 200)
        await #expect(throws: ClientError.connectionLost) { try await client.send(post) }
        #expect(server.requests.count == 2)
        #expect(try await client.send(post).status == 200)
        await client.shutdown()
    }

    @Test func `a GET whose connection is lost is tried again`() async throws {
        let server = ScriptedServer { connection, number, server in
            guard let request = connection.request() else { return }
            server.note(request)
            if number < 3 { connection.reset() } else { connection.answer("ok") }
        }
        let client = client()
        #expect(try await client.send(ClientRequest("GET", server.url, retry: twice)).text == "ok")
        #expect(server.requests.count == 3)
        await client.shutdown()
    }

    // MARK: - Streams

    @Test func `a slow reader holds the sender up, and gets everything`() async throws {
        let total = 64 << 20
        let sent = SentCount()
        let server = ScriptedServer { connection, _, _ in
            _ = connection.request()
            connection.write("HTTP/1.1 200 OK\r\nContent-Length: \(total)\r\n\r\n")
            let block = [UInt8](repeating: 7, count: 1 << 20)
            for _ in 0..<(total >> 20) { sent.add(connection.write(block)) }
        }
        let client = client()
        let response = try await client.stream(ClientRequest("GET", server.url, timeouts: .streaming()))
        #expect(response.status == 200)
        // Nothing is read until the sender is held up; what is under way is in the kernel's buffers at most.
        try await eventually("the sender is held up", within: .seconds(30)) { response.body.channel.isPaused }
        #expect(sent.value < 32 << 20)
        var received = 0
        for try await chunk in response.body { received += chunk.count }
        #expect(received == total)
        await client.shutdown()
    }

    @Test func `a stream is delivered as it comes, and letting go of it closes the connection`() async throws {
        let closed = Promise<Void>()
        let next = Promise<Void>()
        let gate = Gate()
        let server = ScriptedServer { connection, _, _ in
            _ = connection.request()
            connection.write("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n")
            connection.write("data: 1\n\n")
            gate.wait()
            connection.write("data: 2\n\n")
            connection.untilClosed()
            closed.succeed(())
        }
        let client = client()
        do {
            let response = try await client.stream(ClientRequest("GET", server.url, timeouts: .streaming()))
            var events = ServerSentEvents()
            var seen: [String] = []
            for try await chunk in response.body {
                seen += try events.feed(chunk).map(\.data)
                if seen == ["1"] { gate.open() }
                if seen == ["1", "2"] { break }
            }
            next.succeed(())
        }
        try await next.value()
        try await closed.value()
        await client.shutdown()
    }

    @Test func `a silent stream ends with its idle limit`() async throws {
        let server = ScriptedServer { connection, _, _ in
            _ = connection.request()
            connection.write("HTTP/1.1 200 OK\r\n\r\nfirst")
            connection.untilClosed()
        }
        let client = client()
        let response = try await client.stream(
            ClientRequest("GET", server.url, timeouts: .streaming(idle: .milliseconds(300)))
        )
        #expect(try await response.body.next() == Array("first".utf8))
        await #expect(throws: ClientError.timedOut(.idle)) { try await response.body.next() }
        await client.shutdown()
    }

    @Test func `a download is bounded`() async throws {
        let server = ScriptedServer { connection, _, _ in
            while connection.request() != nil { connection.answer(String(repeating: "x", count: 1000)) }
        }
        let client = client()
        let file = temporaryFile()
        let (head, bytes) = try await client.download(ClientRequest("GET", server.url), to: file, atMost: 1000)
        #expect(head.status == 200 && bytes == 1000 && lseek(file, 0, SEEK_END) == 1000)
        await #expect(throws: ClientError.responseTooLarge(limit: 999)) {
            try await client.download(ClientRequest("GET", server.url), to: file, atMost: 999)
        }
        close(file)
        await client.shutdown()
    }

    // MARK: - Addresses

    @Test func `a client for public addresses connects to no other, by number or by name`() async throws {
        let server = ScriptedServer { connection, _, _ in connection.untilClosed() }
        let client = client(ClientSettings(addressGuard: .publicOnly))
        for host in ["127.0.0.1", "localhost", "[::1]", "0.0.0.0", "2130706433", "[::ffff:127.0.0.1]"] {
            let error = await #expect(throws: ClientError.self) {
                try await client.send(ClientRequest("GET", "http://\(host):\(server.port)/"))
            }
            guard case .addressRefused = error else {
                Issue.record("\(host): got \(String(describing: error))")
                continue
            }
        }
        #expect(server.connections == 0)
        await client.shutdown()
    }
}

/// Counts bytes on a server's thread.
private final class SentCount: Sendable {
    private let bytes = Lock(0)
    var value: Int { bytes.withLock { $0 } }
    func add(_ count: Int) { bytes.withLock { $0 += count } }
}

/// Holds a server's thread until the test says go.
private final class Gate: Sendable {
    private let descriptors: (Int32, Int32)

    init() {
        var pair: [Int32] = [0, 0]
        // The array has room for both ends.
        precondition(unsafe socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0, &pair) == 0, "no socket pair")
        descriptors = (pair[0], pair[1])
    }

    func open() { _ = unsafe send(descriptors.0, "x", 1, Int32(MSG_NOSIGNAL)) }

    func wait() {
        var byte: UInt8 = 0
        _ = unsafe recv(descriptors.1, &byte, 1, 0)
    }
}

/// An unnamed temporary file.
private func temporaryFile() -> Int32 {
    var name = Array("/tmp/martlet-test-XXXXXX".utf8CString)
    // The name is an array of characters that ends in zero, changed in place.
    let file = unsafe mkstemp(&name)
    unsafe unlink(name)
    return file
}
