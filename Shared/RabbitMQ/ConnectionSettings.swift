public import Kernel

/// How a connection is made and kept.
public struct ConnectionSettings: Sendable {
    /// How the connection calls itself in the broker's management pages, in logs and in metrics.
    public var name: String
    /// How often both sides give a sign of life; a peer that is silent for twice as long is dead. Whole seconds.
    public var heartbeat: Duration
    /// How long opening the socket, with TLS, may take per address. Name resolution is the system's own affair.
    public var connectTimeout: Duration
    /// How long logging in, a declaration, a single write or a close may take.
    public var callTimeout: Duration
    /// How long to wait between attempts to connect.
    public var backoff: Backoff
    /// The largest frame in bytes; larger bodies take several.
    public var frameMaximum: Int
    /// A file of PEM certificates to trust instead of the system's, for `amqps`.
    public var certificateAuthorities: String?
    /// Where the jitter comes from.
    public var random: RandomSource

    /// Settings that suit a broker in the same data centre.
    public init(
        name: String,
        heartbeat: Duration = .seconds(10),
        connectTimeout: Duration = .seconds(5),
        callTimeout: Duration = .seconds(5),
        backoff: Backoff = Backoff(from: .milliseconds(100), cap: .seconds(10)),
        frameMaximum: Int = 131_072,
        certificateAuthorities: String? = nil,
        random: RandomSource = .system
    ) {
        self.name = name
        self.heartbeat = heartbeat
        self.connectTimeout = connectTimeout
        self.callTimeout = callTimeout
        self.backoff = backoff
        self.frameMaximum = frameMaximum
        self.certificateAuthorities = certificateAuthorities
        self.random = random
    }
}
