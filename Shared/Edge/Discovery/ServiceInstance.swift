/// One running copy of a service.
public struct ServiceInstance: Sendable, Hashable {
    /// Its name or address.
    public let host: String
    /// Its port.
    public let port: Int

    /// A copy at an address.
    public init(host: String, port: Int) {
        self.host = host
        self.port = port
    }

    /// Its base URL.
    public var url: String { host.contains(":") ? "http://[\(host)]:\(port)" : "http://\(host):\(port)" }
}
