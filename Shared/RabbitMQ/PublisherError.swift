/// Why it is not known whether the messages of a batch were taken. Publish the batch again: at least once.
public enum PublisherError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The connection was lost before all confirms came, or there was none in time.
    case disconnected(BrokerError)
    /// The broker has an alarm and took nothing in time.
    case blocked(reason: String)
    /// The confirms did not come in time.
    case timedOut
    /// Too many messages wait already; none of this batch was sent.
    case overloaded
    /// The protocol cannot carry a message of the batch; none of it was sent, and trying again will not help.
    case invalidMessage(String)
    /// The publisher has ended.
    case stopped

    /// Says what happened.
    public var description: String {
        switch self {
        case .disconnected(let reason): "not confirmed: \(reason)"
        case .blocked(let reason): "not confirmed: the broker is blocked (\(reason))"
        case .timedOut: "not confirmed in time"
        case .overloaded: "too many messages wait to be published"
        case .invalidMessage(let defect): "the message cannot be published: \(defect)"
        case .stopped: "the publisher has ended"
        }
    }
}
