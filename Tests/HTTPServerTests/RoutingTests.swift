import HTTPServer
import Testing

@Suite(.timeLimit(.minutes(1))) struct RoutingTests {
    private func withRoutes(_ body: (UInt16) async throws -> Void) async throws {
        try await withServer { router in
            router.add(.get, "/jobs") { _ in .text(.ok, "list") }
            router.add(.post, "/jobs") { _ in .text(.created, "made") }
            router.add(.get, "/jobs/stats") { _ in .text(.ok, "stats") }
            router.add(.get, "/jobs/{id}") { .text(.ok, "job \($0.parameters["id"] ?? "-")") }
            router.add(.get, "/jobs/{job}/log") { .text(.ok, "log \($0.parameters["job"] ?? "-")") }
            router.add(.get, "/files/{path...}") { .text(.ok, $0.parameters["path"] ?? "-") }
        } _: { port, _ in
            try await body(port)
        }
    }

    @Test(arguments: [
        ("/jobs", "list"), ("/jobs/stats", "stats"), ("/jobs/7", "job 7"), ("/jobs/stats/log", "log stats"),
        ("/files/a/b%20c", "a/b c"), ("/jobs/a+b?x=1", "job a+b"),
    ])
    func `finds the route`(_ path: String, _ text: String) async throws {
        try await withRoutes { port in
            let answer = try await ask(port, get(path))
            #expect(answer.status == 200)
            #expect(answer.text == text)
        }
    }

    @Test(arguments: ["/", "/job", "/jobs/", "/jobs/7/", "/jobs//log", "/JOBS"])
    func `finds nothing`(_ path: String) async throws {
        try await withRoutes { port in
            let answer = try await ask(port, get(path))
            #expect(answer.status == 404)
            #expect(answer.text.contains("\"ROUTE_NOT_FOUND\""))
        }
    }

    @Test func `says which methods a path takes`() async throws {
        try await withRoutes { port in
            let refused = try await ask(port, "DELETE /jobs HTTP/1.1\r\nHost: h\r\n\r\n")
            #expect(refused.status == 405)
            #expect(refused["Allow"] == "GET, HEAD, POST, OPTIONS")
            let options = try await ask(port, "OPTIONS /jobs HTTP/1.1\r\nHost: h\r\n\r\n")
            #expect(options.status == 204)
            #expect(options["Allow"] == "GET, HEAD, POST, OPTIONS")
            #expect(options["Content-Length"] == nil)
            let answer1 = try await ask(port, "OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n")
            #expect(answer1.status == 204)
        }
    }

    @Test func `a HEAD has the fields of its GET and no body`() async throws {
        try await withRoutes { port in
            let client = try RawClient.connect(port)
            let answer = try await client.ask("HEAD /jobs HTTP/1.1\r\nHost: h\r\n\r\n")
            #expect(answer.status == 200)
            #expect(answer["Content-Length"] == "4")
            // What followed would be taken for the next answer.
            #expect(try await client.ask(get("/jobs")).text == "list")
        }
    }

    @Test func `one place builds the server's own answers`() async throws {
        try await withServer { router in
            router.fallback = { failure, request in
                Response(failure.status, type: "text/x", Array("\(failure.code) \(request.path)".utf8))
            }
        } _: { port, _ in
            let answer = try await ask(port, get("/nowhere?x"))
            #expect(answer.text == "ROUTE_NOT_FOUND /nowhere")
            #expect(answer["Content-Type"] == "text/x")
        }
    }
}
