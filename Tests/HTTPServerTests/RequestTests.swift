import HTTPServer
import Testing

@Suite(.timeLimit(.minutes(1))) struct RequestTests {
    @Test func `answers a request with the bytes of its handler`() async throws {
        try await withServer { router in
            router.add(.get, "/hello") { _ in .text(.ok, "hi") }
        } _: { port, _ in
            let answer = try await ask(port, get("/hello"))
            #expect(answer.status == 200)
            #expect(answer.text == "hi")
            #expect(answer["Content-Length"] == "2")
            #expect(answer["Content-Type"] == "text/plain; charset=utf-8")
            #expect(answer["Date"]?.hasSuffix(" GMT") == true)
            #expect(answer["Server"] == nil)
            #expect(answer["Connection"] == nil)
        }
    }

    @Test func `handlers that wait and handlers that do not are answered in one order`() async throws {
        try await withServer { router in
            router.add(.get, "/now/{n}") { .text(.ok, $0.parameters["n"] ?? "") }
            router.add(.get, "/later/{n}") { request in
                await Task.yield()
                return .text(.ok, request.parameters["n"] ?? "")
            }
        } _: { port, _ in
            let client = try RawClient.connect(port)
            let kinds = ["now", "later", "later", "now", "now", "later"]
            try await client.send(kinds.indices.map { get("/\(kinds[$0])/\($0)") }.joined())
            for number in kinds.indices { #expect(try await client.readAnswer().text == "\(number)") }
        }
    }

    @Test func `a handler knows when its request came and how long it may take`() async throws {
        let before = ContinuousClock.now
        try await withServer { router in
            router.add(.get, "/", deadline: .seconds(7)) { request in
                await Task.yield()
                let now = ContinuousClock.now
                let isPlausible = before <= request.receivedAt && request.receivedAt <= now
                return .text(.ok, "\(isPlausible) \(request.deadline - request.receivedAt)")
            }
        } _: { port, _ in
            let answer = try await ask(port, get("/"))
            #expect(answer.text == "true 7.0 seconds")
        }
        let made = Request(target: "/", receivedAt: before, deadline: before + .seconds(2))
        #expect(made.receivedAt == before)
        #expect(made.deadline == before + .seconds(2))
    }

    @Test func `a handler sees every part of its request`() async throws {
        try await withServer { router in
            router.add(.post, "/jobs/{id}/{step}") { request in
                let query = request.query.map { "\($0.name)=\($0.value)" }.joined(separator: ";")
                let parts = [
                    request.method.rawValue, request.path, request.target, query, request.parameters["id"] ?? "-",
                    request.parameters["step"] ?? "-", request.headers["x-one"] ?? "-", request.remoteAddress,
                    String(decoding: request.body.bytes, as: UTF8.self),
                ]
                return .text(.created, parts.joined(separator: "|"))
            }
        } _: { port, _ in
            let request =
                "POST /jobs/a%2Fb/%C3%A9?q=1+2&q=%26&e HTTP/1.1\r\nHost: h\r\nX-One: 1\r\nContent-Length: 3\r\n\r\nabc"
            let answer = try await ask(port, request)
            #expect(answer.status == 201)
            let path = "/jobs/a%2Fb/%C3%A9"
            #expect(answer.text == "POST|\(path)|\(path)?q=1+2&q=%26&e|q=1 2;q=&;e=|a/b|é|1|127.0.0.1|abc")
        }
    }
}
