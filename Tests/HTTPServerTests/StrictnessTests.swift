import HTTPServer
import Testing

/// What two servers could understand differently is refused, and the connection closed.
@Suite(.timeLimit(.minutes(1))) struct StrictnessTests {
    struct Case: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let request: String
        let status: Int

        init(_ description: String, _ request: String, _ status: Int) {
            testDescription = description
            self.request = request
            self.status = status
        }
    }

    static let post = "POST /echo HTTP/1.1\r\nHost: h\r\n"

    static let refused: [Case] = [
        Case("length and chunked", post + "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
        Case("chunked and length", post + "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n", 400),
        Case("two different lengths", post + "Content-Length: 3\r\nContent-Length: 4\r\n\r\nabc", 400),
        Case("two equal lengths", post + "Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc", 400),
        Case("a list of lengths", post + "Content-Length: 3, 3\r\n\r\nabc", 400),
        Case("a length with a sign", post + "Content-Length: +4\r\n\r\nabcd", 400),
        Case("a negative length", post + "Content-Length: -1\r\n\r\n", 400),
        Case("a length in hexadecimal", post + "Content-Length: 0x3\r\n\r\nabc", 400),
        Case("an empty length", post + "Content-Length: \r\n\r\n", 400),
        Case("a length beyond 64 bits", post + "Content-Length: 99999999999999999999\r\n\r\n", 400),
        Case("chunked, identity", post + "Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n", 400),
        Case("an unknown transfer encoding", post + "Transfer-Encoding: gzip\r\n\r\n", 400),
        Case(
            "two transfer encodings",
            post + "Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            400
        ),
        Case("an obscured transfer encoding", post + "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", 400),
        Case(
            "chunked in HTTP/1.0",
            "POST /echo HTTP/1.0\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            400
        ),
        Case("a chunk without its line end", post + "Transfer-Encoding: chunked\r\n\r\n3\r\nabcXX0\r\n\r\n", 400),
        Case("a chunk size with a sign", post + "Transfer-Encoding: chunked\r\n\r\n-1\r\n\r\n", 400),
        Case("a chunk size that is none", post + "Transfer-Encoding: chunked\r\n\r\nxyz\r\n\r\n", 400),
        Case("a chunk size beyond 64 bits", post + "Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n\r\n", 400),
        Case(
            "a line feed in a chunk extension",
            post + "Transfer-Encoding: chunked\r\n\r\n3;a\nb\r\nabc\r\n0\r\n\r\n",
            400
        ),
        Case("a space before the colon", "GET / HTTP/1.1\r\nHost : h\r\n\r\n", 400),
        Case("a folded field", "GET / HTTP/1.1\r\nHost: h\r\nX: a\r\n b\r\n\r\n", 400),
        Case("a folded field, first line empty", "GET / HTTP/1.1\r\nHost: h\r\nX:\r\n b\r\n\r\n", 400),
        Case("bare line feeds", "GET / HTTP/1.1\nHost: h\n\n", 400),
        Case("a bare line feed among others", "GET / HTTP/1.1\r\nHost: h\nX: 1\r\n\r\n", 400),
        Case("a NUL in a field", "GET / HTTP/1.1\r\nHost: h\r\nX: a\0b\r\n\r\n", 400),
        Case("a control character in a field", "GET / HTTP/1.1\r\nHost: h\r\nX: a\u{1}b\r\n\r\n", 400),
        Case("a bare carriage return in a field", "GET / HTTP/1.1\r\nHost: h\r\nX: a\rb\r\n\r\n", 400),
        Case("a field without a name", "GET / HTTP/1.1\r\nHost: h\r\n: x\r\n\r\n", 400),
        Case("a field without a colon", "GET / HTTP/1.1\r\nHost: h\r\nnonsense\r\n\r\n", 400),
        Case("no host", "GET / HTTP/1.1\r\n\r\n", 400),
        Case("two hosts", "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400),
        Case("two spaces in the request line", "GET  / HTTP/1.1\r\nHost: h\r\n\r\n", 400),
        Case("no version", "GET /\r\nHost: h\r\n\r\n", 400),
        Case("nonsense", "\u{16}\u{3}\u{1}\r\n\r\n", 400),
        Case("HTTP/2's preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505),
        Case("HTTP/1.2", "GET / HTTP/1.2\r\nHost: h\r\n\r\n", 505),
        Case("an unknown expectation", post + "Expect: miracles\r\nContent-Length: 3\r\n\r\n", 417),
    ]

    @Test(arguments: refused) func `refuses and closes`(_ refusal: Case) async throws {
        try await withEcho { port in
            let client = try RawClient.connect(port)
            // A second request behind it must never be understood as one.
            let answer = try await client.ask(refusal.request + get("/smuggled"))
            #expect(answer.status == refusal.status)
            #expect(answer["Connection"] == "close")
            #expect(try await client.isAtEnd())
        }
    }

    static let answered: [Case] = [
        Case("an unknown method", "BREW /echo HTTP/1.1\r\nHost: h\r\n\r\n", 501),
        Case("a method in small letters", "get /echo HTTP/1.1\r\nHost: h\r\n\r\n", 501),
        Case("CONNECT", "CONNECT h:443 HTTP/1.1\r\nHost: h\r\n\r\n", 501),
        Case("an unknown path", get("/none"), 404),
        Case("a path that only looks like one", get("/echo/"), 404),
        Case("a malformed escape in a path", get("/p/%zz"), 400),
        Case("an escape cut short", get("/p/%2"), 400),
        Case("a NUL in a path", get("/p/%00"), 400),
        Case("invalid UTF-8 in a path", get("/p/%ff"), 400),
        Case("a malformed escape in a query", get("/p/1?a=%g0"), 400),
        Case("a fragment", get("/p/1#a"), 400),
        Case("a target without a slash", get("p/1"), 400),
        Case("the absolute form", get("http://h/p/1"), 200),
        Case(
            "a chunked body",
            post + "Transfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n0\r\nX-Trailer: 1\r\n\r\n",
            200
        ),
        Case("an empty chunked body", post + "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 200),
        Case("a line end before the request", "\r\n" + get("/p/1"), 200),
    ]

    @Test(arguments: answered) func `answers and goes on`(_ case: Case) async throws {
        try await withEcho { port in
            let client = try RawClient.connect(port)
            #expect(try await client.ask(`case`.request).status == `case`.status)
            #expect(try await client.ask(get("/p/1")).status == 200)
        }
    }

    @Test(arguments: refused + answered) func `understands the same when it comes byte by byte`(_ case: Case)
        async throws
    {
        try await withEcho { port in
            let client = try RawClient.connect(port)
            for byte in `case`.request.utf8 {
                do { try await client.send([byte]) } catch { break }  // refused before its end
            }
            #expect(try await client.readAnswer().status == `case`.status)
        }
    }

    @Test func `a trailer is no header field`() async throws {
        try await withServer { router in
            router.add(.post, "/fields") { request in
                .text(.ok, request.headers.map(\.name).joined(separator: ","))
            }
        } _: { port, _ in
            let request = "POST /fields HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX: 1\r\n\r\n"
            let answer1 = try await ask(port, request)
            #expect(answer1.text == "Host,Transfer-Encoding")
        }
    }

    private func withEcho(_ body: (UInt16) async throws -> Void) async throws {
        try await withServer { router in
            router.add(.post, "/echo") { Response(.ok, body: .bytes($0.body.bytes)) }
            router.add(.get, "/p/{x}") { _ in Response(.ok) }
        } _: { port, _ in
            try await body(port)
        }
    }
}
