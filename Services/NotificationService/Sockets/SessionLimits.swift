/// The bounds of one WebSocket client.
struct SessionLimits: Sendable {
    /// The first message must bring a token within this time.
    var helloTimeout: Duration = .seconds(10)
    /// How long before its end a token's end is announced.
    var expiryNotice: Duration = .seconds(60)
    /// Messages a second.
    var messagesPerSecond = 20
    /// Contexts at a time.
    var contexts = 256
    /// The largest message.
    var messageBytes = 16 * 1024
    /// What may wait to be sent; a client with more is too slow.
    var queuedBytes = 256 * 1024
    /// How long a client that catches up may take nothing.
    var stall: Duration = .seconds(20)
    /// How long a close may take.
    var closeTimeout: Duration = .seconds(5)
}
