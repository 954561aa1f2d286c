/// What a handler answers.
public struct Response: Sendable {
    /// What follows the head.
    public enum Body: Sendable {
        /// Nothing.
        case none
        /// These bytes.
        case bytes([UInt8])
        /// What the closure writes. Without a length it is sent in chunks (to an HTTP/1.0 client: until the close).
        /// The closure runs on the connection's loop, after the handler has returned; when it throws, or writes
        /// another number of bytes than announced, the connection is cut so that the client cannot take it for whole.
        /// It is not run for HEAD.
        case stream(contentLength: Int?, @Sendable (ResponseWriter) async throws -> Void)
    }

    /// The status.
    public var status: Status
    /// The header fields. Content-Length, Transfer-Encoding, Connection and Date are the server's own and are not
    /// taken from here.
    public var headers: Headers
    /// The body.
    public var body: Body

    /// A response.
    public init(_ status: Status, headers: Headers = [:], body: Body = .none) {
        self.status = status
        self.headers = headers
        self.body = body
    }

    /// A response with a body of that type.
    public init(_ status: Status, type: String, _ bytes: [UInt8], headers: Headers = [:]) {
        self.init(status, headers: headers, body: .bytes(bytes))
        if self.headers.count > 0 { self.headers.remove("Content-Type") }
        self.headers.add("Content-Type", type)
    }

    /// A response with text.
    public static func text(_ status: Status, _ text: String) -> Response {
        Response(status, type: "text/plain; charset=utf-8", Array(text.utf8))
    }
}
