import Concurrency
import HTTPServer
import Testing

/// How connections go on and end.
@Suite(.timeLimit(.minutes(1))) struct ConnectionTests {
    private func withEcho(
        _ change: (inout ServerSettings) -> Void = { _ in },
        _ body: (UInt16) async throws -> Void
    ) async throws {
        try await withServer(change) { router in
            router.add(.get, "/n/{n}") { .text(.ok, $0.parameters["n"] ?? "") }
            router.add(.post, "/echo", body: .buffered(atMost: 1000)) { Response(.ok, body: .bytes($0.body.bytes)) }
            router.add(.post, "/none", body: .none) { _ in Response(.ok) }
        } _: { port, _ in
            try await body(port)
        }
    }

    @Test func `pipelined requests are answered in their order`() async throws {
        try await withEcho { port in
            let client = try RawClient.connect(port)
            let count = 1000
            // More than the server reads ahead.
            try await client.send((0..<count).map { get("/n/\($0)") }.joined())
            for number in 0..<count { #expect(try await client.readAnswer().text == "\(number)") }
        }
    }

    @Test func `HTTP 1.0 closes, unless it asks not to`() async throws {
        try await withEcho { port in
            let closing = try RawClient.connect(port)
            #expect(try await closing.ask("GET /n/1 HTTP/1.0\r\n\r\n")["Connection"] == "close")
            #expect(try await closing.isAtEnd())
            let keeping = try RawClient.connect(port)
            let request = "GET /n/1 HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"
            #expect(try await keeping.ask(request)["Connection"] == "keep-alive")
            #expect(try await keeping.ask(request).text == "1")
        }
    }

    @Test func `Connection close is obeyed`() async throws {
        try await withEcho { port in
            let client = try RawClient.connect(port)
            #expect(try await client.ask(get("/n/1", "Connection: close\r\n"))["Connection"] == "close")
            #expect(try await client.isAtEnd())
        }
    }

    @Test func `a client that only stops sending gets its answer`() async throws {
        try await withEcho { port in
            let client = try RawClient.connect(port)
            try await client.send(get("/n/1") + get("/n/2"))
            await client.endSending()
            #expect(try await client.readAnswer().text == "1")
            #expect(try await client.readAnswer().text == "2")
            #expect(try await client.isAtEnd())
        }
    }

    @Test func `100 Continue comes when the body is wanted, and only then`() async throws {
        try await withEcho { port in
            let client = try RawClient.connect(port)
            let head = "POST /echo HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: "
            try await client.send(head + "3\r\n\r\n")
            #expect(try await client.readHead().status == 100)
            try await client.send("abc")
            #expect(try await client.readAnswer().text == "abc")
            // One that sends its body at once needs no invitation.
            #expect(try await client.ask(head + "2\r\n\r\nde").text == "de")
            let refused = try await client.ask(head + "2000\r\n\r\n")
            #expect(refused.status == 413)
            #expect(refused["Connection"] == "close")
        }
    }

    @Test(arguments: [
        "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 1001\r\n\r\n",
        "POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3e9\r\n",
        "POST /none HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\n\r\n",
    ])
    func `a body that is too large is refused before it is read`(_ request: String) async throws {
        try await withEcho { port in
            let client = try RawClient.connect(port)
            let answer = try await client.ask(request)
            #expect(answer.status == 413)
            #expect(answer["Connection"] == "close")
        }
    }

    @Test func `an upload that is refused can still read why`() async throws {
        try await withEcho { port in
            let client = try RawClient.connect(port)
            try await client.send("POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 300000\r\n\r\n")
            // More than a reset would let pass: the server must take it and throw it away.
            try await client.send([UInt8](repeating: 0x61, count: 300_000))
            #expect(try await client.readAnswer().status == 413)
        }
    }

    @Test func `heads have limits`() async throws {
        try await withEcho {
            $0.headerBytes = 1024
            $0.headerFields = 10
        } _: { port in
            let answer1 = try await ask(port, get("/n/1", "X: " + String(repeating: "a", count: 1100) + "\r\n"))
            #expect(answer1.status == 431)
            let answer2 = try await ask(port, get("/n/" + String(repeating: "a", count: 1100)))
            #expect(answer2.status == 414)
            let answer3 = try await ask(port, get("/n/1", String(repeating: "A: 1\r\n", count: 10)))
            #expect(answer3.status == 431)
            let answer4 = try await ask(port, get("/n/1", String(repeating: "A: 1\r\n", count: 9)))
            #expect(answer4.status == 200)
        }
    }

    @Test func `a client that sends its head too slowly is told so`() async throws {
        try await withEcho {
            $0.headerTimeout = .milliseconds(50)
        } _: { port in
            let client = try RawClient.connect(port)
            let answer = try await client.ask("GET /n/1 HTTP/1.1\r\nHo")
            #expect(answer.status == 408)
            #expect(try await client.isAtEnd())
            // One that says nothing at all gets nothing.
            let silent = try RawClient.connect(port)
            #expect(try await silent.isAtEnd())
        }
    }

    @Test func `a body that pauses too long is refused`() async throws {
        try await withEcho {
            $0.bodyIdleTimeout = .milliseconds(50)
        } _: { port in
            let answer5 = try await ask(port, "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\nabc")
            #expect(answer5.status == 408)
        }
    }

    @Test func `an idle connection is closed`() async throws {
        try await withEcho {
            $0.keepAliveTimeout = .milliseconds(50)
        } _: { port in
            let client = try RawClient.connect(port)
            #expect(try await client.ask(get("/n/1")).status == 200)
            #expect(try await client.isAtEnd())
        }
    }

    @Test func `too many connections from one address, or in all, are told so`() async throws {
        try await withEcho {
            $0.connectionsPerAddress = 1
        } _: { port in
            let first = try RawClient.connect(port)
            #expect(try await first.ask(get("/n/1")).status == 200)
            let second = try RawClient.connect(port)
            let answer = try await second.readAnswer()
            #expect(answer.status == 429)
            #expect(answer["Retry-After"] != nil)
            #expect(try await first.ask(get("/n/2")).status == 200)
        }
        try await withEcho {
            $0.connections = 1
        } _: { port in
            let first = try RawClient.connect(port)
            #expect(try await first.ask(get("/n/1")).status == 200)
            let second = try RawClient.connect(port)
            #expect(try await second.readAnswer().status == 503)
        }
    }

    @Test func `a reader that stalls is cut off`() async throws {
        try await withServer {
            $0.writeStallTimeout = .milliseconds(50)
        } routes: { router in
            router.add(.get, "/big") { _ in Response(.ok, body: .bytes([UInt8](repeating: 1, count: 8 << 20))) }
        } _: { port, server in
            let client = try RawClient.connect(port, receiveBuffer: 4096)
            try await client.send(get("/big"))
            // Only the cut empties the server: nobody reads.
            await server.stop(grace: .seconds(20))
            await #expect(throws: RawClient.Failure.self) { _ = try await client.readAnswer() }
        }
    }
}
