public import Telemetry

/// A request.
public struct ClientRequest: Sendable {
    /// What is sent after the head.
    public enum Body: Sendable {
        case none
        case bytes([UInt8])
        /// A part of a file. The descriptor stays the caller's and open until the call has returned.
        case file(descriptor: Int32, offset: Int64, count: Int64)
    }

    /// How long each phase may take.
    public struct Timeouts: Sendable {
        /// From the start until the connection stands, name and TLS included.
        public var connect: Duration
        /// From the start to the last byte; `nil` for streams that may go on for ever.
        public var total: Duration?
        /// Without a byte from the server, once the request is sent; time in which the reader holds it up is not
        /// counted.
        public var idle: Duration?

        /// For a request with a whole answer.
        public init(connect: Duration = .seconds(2), total: Duration? = .seconds(10), idle: Duration? = nil) {
            self.connect = connect
            self.total = total
            self.idle = idle
        }

        /// For a stream: no end, but never silent for longer than `idle`.
        public static func streaming(connect: Duration = .seconds(2), idle: Duration = .seconds(60)) -> Timeouts {
            Timeouts(connect: connect, total: nil, idle: idle)
        }
    }

    /// `GET`, `POST`, …
    public var method: String
    /// `http://…` or `https://…`, percent-encoded, without user and password.
    public var url: String
    /// Names and values, in order.
    public var headers: [(name: String, value: String)]
    /// What is sent.
    public var body: Body
    /// How long it may take.
    public var timeouts: Timeouts
    /// Whether it is tried again.
    public var retry: RetryRule
    /// Whether doing it twice is the same as doing it once, where the sender knows better than method and headers tell.
    public var mayRepeat: Bool?
    /// The trace it belongs to; sent as `traceparent` and `tracestate`.
    public var trace: TraceContext?

    /// A request.
    public init(
        _ method: String = "GET",
        _ url: String,
        headers: [(name: String, value: String)] = [],
        body: Body = .none,
        timeouts: Timeouts = Timeouts(),
        retry: RetryRule = .none,
        trace: TraceContext? = nil
    ) {
        self.method = method
        self.url = url
        self.headers = headers
        self.body = body
        self.timeouts = timeouts
        self.retry = retry
        self.trace = trace
    }

    /// Whether doing it twice is the same as doing it once: by `mayRepeat`, else by its method, or because it carries
    /// `Idempotency-Key`.
    public var isIdempotent: Bool {
        if let mayRepeat { return mayRepeat }
        return switch method {
        case "GET", "HEAD", "PUT", "DELETE", "OPTIONS", "TRACE": true
        default: headers.contains { $0.name.lowercased() == "idempotency-key" }
        }
    }

    /// Refuses what would not arrive as it was meant.
    func validate() throws(ClientError) {
        guard !method.isEmpty, method.utf8.allSatisfy(Self.isToken) else { throw .invalidRequest("method") }
        for (name, value) in headers {
            guard !name.isEmpty, name.utf8.allSatisfy(Self.isToken) else { throw .invalidRequest("header name") }
            // A line end would begin another header.
            guard value.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7F || $0 == 0x09 }) else {
                throw .invalidRequest("value of header \(name)")
            }
        }
        let lowered = url.prefix(8).lowercased()
        guard lowered.hasPrefix("http://") || lowered.hasPrefix("https://"),
            url.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F })
        else { throw .invalidURL }
        let authority = url.drop { $0 != "/" }.dropFirst(2).prefix { !"/?#".contains($0) }
        guard !authority.isEmpty, !authority.contains("@"), !authority.contains("\\") else { throw .invalidURL }
    }

    /// The host of a valid URL, for errors.
    var host: String {
        String(url.drop { $0 != "/" }.dropFirst(2).prefix { !"/?#".contains($0) })
    }

    private static func isToken(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"):
            true
        default: "!#$%&'*+-.^_`|~".utf8.contains(byte)
        }
    }
}
