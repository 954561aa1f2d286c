/// What a consumer sees, in order.
///
/// ```
///   connected(1) delivery … delivery disconnected(reason) connected(2) delivery …
/// ```
/// Between `disconnected` and the next `connected` there may be a gap (a queue that went with its connection misses
/// what was published meanwhile) or a repetition (a durable queue delivers again what was not settled).
public enum ConsumerEvent: Sendable {
    /// Subscribed to `queue`. `generation` grows by one with each connection.
    case connected(generation: UInt64, queue: String)
    /// A message to settle.
    case delivery(Delivery)
    /// The connection is gone, and with it all deliveries that were not settled.
    case disconnected(BrokerError)
}
