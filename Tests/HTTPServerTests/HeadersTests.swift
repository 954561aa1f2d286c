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

    @Test func `a comma-separated list is searched by element`() {
        let headers: Headers = ["Connection": "keep-alive,\t Upgrade "]
        #expect(headers.list("connection", contains: "upgrade"))
        #expect(!headers.list("connection", contains: "grade"))
    }
}
