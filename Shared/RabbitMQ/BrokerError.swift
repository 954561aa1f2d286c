/// Why there is no connection to the broker. Safe to print: it never carries a password or a message's content.
public enum BrokerError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The host has no address.
    case unresolved(host: String)
    /// Nothing accepts connections there, or not in time.
    case unreachable(String)
    /// The encrypted connection was not accepted: a wrong certificate or name, or no TLS on that port.
    case tls(String)
    /// User or password are wrong.
    case accessRefused(String)
    /// The virtual host does not exist or is not for this user.
    case virtualHostRefused(String)
    /// Something of the topology exists in another shape.
    case topologyConflict(object: String, String)
    /// The broker closed the channel or the connection.
    case refused(code: Int, String)
    /// The broker took the consumer away: its queue was deleted or failed over.
    case consumerCancelled
    /// The broker gave no sign of life for two heartbeats.
    case heartbeatMissed
    /// A call into the library did not return in time and its connection was cut.
    case stalled(String)
    /// The broker let a call go unanswered.
    case timedOut(String)
    /// Confirms did not come for too long.
    case confirmsMissing
    /// The connection broke.
    case lost(String)
    /// The broker said something that the protocol does not allow here.
    case protocolViolation(String)
    /// No connection has been tried yet, or none will be tried any more.
    case notRunning

    /// Says what happened.
    public var description: String {
        switch self {
        case .unresolved(let host): "the broker's host \(host) has no address"
        case .unreachable(let text): "the broker cannot be reached: \(text)"
        case .tls(let text): "no encrypted connection to the broker: \(text)"
        case .accessRefused(let text): "the broker refused user or password: \(text)"
        case .virtualHostRefused(let text): "the broker refused the virtual host: \(text)"
        case .topologyConflict(let object, let text): "\(object) exists in another shape: \(text)"
        case .refused(let code, let text): "the broker closed with \(code): \(text)"
        case .consumerCancelled: "the broker cancelled the consumer"
        case .heartbeatMissed: "the broker missed its heartbeats"
        case .stalled(let operation): "the connection was cut while stuck: \(operation)"
        case .timedOut(let operation): "the broker did not answer in time: \(operation)"
        case .confirmsMissing: "the broker did not confirm in time"
        case .lost(let text): "the connection to the broker was lost: \(text)"
        case .protocolViolation(let text): "the broker broke the protocol: \(text)"
        case .notRunning: "the connection is not running"
        }
    }
}
