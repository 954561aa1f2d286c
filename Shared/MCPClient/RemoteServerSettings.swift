public import HTTPClient
public import Kernel
public import Subprocess

/// Where a server is and how it is treated.
public struct RemoteServerSettings: Sendable {
    /// How it is reached.
    public enum Way: Sendable {
        /// By Streamable HTTP; the headers go with every request, and to nobody else.
        case http(url: String, headers: Secret<[(name: String, value: String)]>, addresses: AddressGuard)
        /// As a program that is started for us. Its bounds of time and output are not looked at: it lives as long as we.
        case program(Command)
    }

    /// What it is called in logs and metrics.
    public var name: String
    /// How it is reached.
    public var way: Way
    /// How long anything but a call of a tool may take.
    public var patience: Duration
    /// After how long the list of tools is fetched again, whether or not the server tells of changes.
    public var refresh: Duration
    /// How long a list of tools is kept at least, however often the server says that it has changed.
    public var quiet: Duration
    /// How long to wait before the next attempt when it is away.
    public var backoff: Backoff
    /// Our version, which servers are told.
    public var version: String
    /// What is taken out of what a program writes to the log.
    public var mask: SecretMask

    /// Settings that suit servers of others.
    public init(
        name: String,
        way: Way,
        patience: Duration = .seconds(15),
        refresh: Duration = .seconds(180),
        quiet: Duration = .seconds(1),
        backoff: Backoff = Backoff(from: .seconds(1), cap: .seconds(60)),
        version: String,
        mask: SecretMask = SecretMask([])
    ) {
        self.name = name
        self.way = way
        self.patience = patience
        self.refresh = refresh
        self.quiet = quiet
        self.backoff = backoff
        self.version = version
        self.mask = mask
    }
}
