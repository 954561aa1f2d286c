public import Kernel

/// How a client behaves.
public struct ClientSettings: Sendable {
    /// Its name in metrics.
    public var name: String
    /// Sent unless a request says otherwise.
    public var userAgent: String
    /// The largest body that `send` takes.
    public var maximumResponseBytes: Int
    /// The largest response head.
    public var maximumHeaderBytes: Int
    /// Transfers at a time; more are refused with `overloaded`.
    public var maximumTransfers: Int
    /// Connections, in use or kept.
    public var maximumConnections: Int
    /// Connections to one host; transfers beyond wait, within their own limits.
    public var maximumConnectionsPerHost: Int
    /// How many redirects are followed; 0 hands them to the caller.
    public var maximumRedirects: Int
    /// A proxy's URL; the environment is not asked.
    public var proxy: String?
    /// A file of PEM certificates to trust instead of the system's.
    public var certificateAuthorities: String?
    /// Which addresses are connected to. With a proxy it is the proxy's address that is judged.
    public var addressGuard: AddressGuard
    /// What `Retry-After` dates are compared with.
    public var clock: WallClock
    /// Where the jitter comes from.
    public var random: RandomSource

    /// Settings that suit calls between services.
    public init(
        name: String = "default",
        userAgent: String = "martlet",
        maximumResponseBytes: Int = 16 << 20,
        maximumHeaderBytes: Int = 64 << 10,
        maximumTransfers: Int = 1024,
        maximumConnections: Int = 256,
        maximumConnectionsPerHost: Int = 64,
        maximumRedirects: Int = 0,
        proxy: String? = nil,
        certificateAuthorities: String? = nil,
        addressGuard: AddressGuard = .any,
        clock: WallClock = .system,
        random: RandomSource = .system
    ) {
        self.name = name
        self.userAgent = userAgent
        self.maximumResponseBytes = maximumResponseBytes
        self.maximumHeaderBytes = maximumHeaderBytes
        self.maximumTransfers = maximumTransfers
        self.maximumConnections = maximumConnections
        self.maximumConnectionsPerHost = maximumConnectionsPerHost
        self.maximumRedirects = maximumRedirects
        self.proxy = proxy
        self.certificateAuthorities = certificateAuthorities
        self.addressGuard = addressGuard
        self.clock = clock
        self.random = random
    }
}
