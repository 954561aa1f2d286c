public import Kernel

/// What is published.
public struct Message: Sendable {
    /// The exchange; empty for the default exchange, where the routing key is a queue's name.
    public var exchange: String
    /// By what the exchange routes.
    public var routingKey: String
    /// The content; the broker does not look into it.
    public var body: [UInt8]
    /// What the message says about itself.
    public var properties: MessageProperties
    /// Whether a message that reaches no queue comes back as `returned` instead of vanishing.
    public var mandatory: Bool

    /// A message, durable and mandatory unless said otherwise.
    public init(
        exchange: String = "",
        routingKey: String,
        body: [UInt8],
        properties: MessageProperties = MessageProperties(),
        mandatory: Bool = true
    ) {
        self.exchange = exchange
        self.routingKey = routingKey
        self.body = body
        self.properties = properties
        self.mandatory = mandatory
    }
}

/// What a message says about itself. Texts take at most 255 bytes each.
public struct MessageProperties: Sendable, Hashable {
    /// The message's own id. It makes the match of a returned message exact, and consumers tell repetitions by it.
    public var messageID: String?
    /// A media type.
    public var contentType: String?
    /// The id of what this belongs to or answers.
    public var correlationID: String?
    /// The kind of message.
    public var type: String?
    /// When it was made, in whole seconds.
    public var timestamp: Timestamp?
    /// Whether it survives a restart of the broker in a durable queue.
    public var persistent: Bool
    /// Further facts. All together must fit into one frame (128 KiB).
    public var headers: [String: FieldValue]

    /// Properties of a durable message.
    public init(
        messageID: String? = nil,
        contentType: String? = nil,
        correlationID: String? = nil,
        type: String? = nil,
        timestamp: Timestamp? = nil,
        persistent: Bool = true,
        headers: [String: FieldValue] = [:]
    ) {
        self.messageID = messageID
        self.contentType = contentType
        self.correlationID = correlationID
        self.type = type
        self.timestamp = timestamp
        self.persistent = persistent
        self.headers = headers
    }
}

extension Message {
    /// Why the protocol cannot carry this message; `nil` when it can.
    func defect(frameMaximum: Int) -> String? {
        let texts = [
            exchange, routingKey, properties.messageID, properties.contentType, properties.correlationID,
            properties.type,
        ]
        if texts.contains(where: { ($0?.utf8.count ?? 0) > 255 }) { return "a name or property is over 255 bytes" }
        guard FieldValue.hasValidNames(properties.headers) else { return "a header's name is over 255 bytes" }
        // Six short texts and the frame's own bytes come on top.
        let room = frameMaximum - 2048
        return FieldValue.encodedSize(of: properties.headers) > room ? "the headers do not fit into a frame" : nil
    }
}
