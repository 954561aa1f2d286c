/// A message as the broker delivered it. It stays with this consumer until it is settled or the connection is lost.
public struct Delivery: Sendable {
    /// Which delivery, of which connection: a tag of an earlier connection settles nothing.
    public struct Tag: Sendable, Hashable {
        let generation: UInt64
        let number: UInt64
    }

    /// What to settle it by.
    public let tag: Tag
    /// Whether it was delivered before, to anyone. A hint only: a first delivery may be a repetition too.
    public let redelivered: Bool
    /// The exchange it was published to.
    public let exchange: String
    /// The routing key it was published with.
    public let routingKey: String
    /// What the message says about itself.
    public let properties: MessageProperties
    /// The content.
    public let body: [UInt8]
}
