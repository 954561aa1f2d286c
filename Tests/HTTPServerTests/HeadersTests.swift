import HTTPServer
import Testing

@Suite(.timeLimit(.minutes(1))) struct HeadersTests {
    @Test func `names are compared without case and values keep their order`() {
        var headers: Headers = ["Accept": "a", "X": "1", "ACCEPT": "b"]
        #expect(headers["accept"] == "a")
        #expect(headers.all("Accept") == ["a", "b"])
        headers.set("accept", "c")
        #expect(headers.all("Accept") == ["c"])
        #expect(headers.count == 2)
        headers["X"] = nil
        #expect(headers.map(\.name) == ["accept"])
    }

    @Test func `a value cannot add a field of its own`() {
        let headers: Headers = ["X": "a\r\nSet-Cookie: b"]
        #expect(headers["X"] == "a  Set-Cookie: b")
        #expect(headers.count == 1)
    }

    @Test func `fields are sent in their order, without those that only the server writes`() async throws {
        try await withServer { router in
            router.add(.get, "/added") { _ in Response(.ok, headers: ["A": "1", "B": "2\u{7f}"]) }
            router.add(.get, "/changed") { _ in
                var headers: Headers = ["A": "1", "B": "2", "C": "3"]
                headers.remove("B")
                headers.set("a", "4")
                return Response(.ok, headers: headers)
            }
            router.add(.get, "/own") { _ in
                Response(.ok, headers: ["A": "1", "date": "never", "Content-Length": "9", "Z": "2"])
            }
        } _: { port, _ in
            func fields(_ path: String) async throws -> [String] {
                let answer = try await ask(port, get(path))
                #expect(answer["Content-Length"] == "0")
                return ["A", "B", "C", "Z"].map { "\($0)=\(answer[$0] ?? "-")" }
            }
            let added = try await fields("/added")
            #expect(added == ["A=1", "B=2 ", "C=-", "Z=-"])
            let changed = try await fields("/changed")
            #expect(changed == ["A=4", "B=-", "C=3", "Z=-"])
            let own = try await fields("/own")
            #expect(own == ["A=1", "B=-", "C=-", "Z=2"])
        }
    }

    @Test func `a comma-separated list is searched by element`() {
        let headers: Headers = ["Connection": "keep-alive,\t Upgrade "]
        #expect(headers.list("connection", contains: "upgrade"))
        #expect(!headers.list("connection", contains: "grade"))
    }
}
