/// The bounds of one WebSocket client.
struct SessionLimits: Sendable {
    /// The first message must bring a token within this time.
    var helloTimeout: Duration = .seconds(10)
    /// How long before its end a token's end is announced.
    var expiryNotice: Duration = .seconds(60)
    /// Messages a second.
    var messagesPerSecond = 20
    /// Messages that wait to be worked off.
    var waitingMessages = 32
    /// Contexts at a time.
    var contexts = 256
    /// The largest message.
    var messageBytes = 16 * 1024
    /// A client on which more waits gets no more before it has taken most of it.
    var softBytes = 64 * 1024
    /// That is, so much waits at most.
    var lowBytes = 16 * 1024
    /// A client on which this would wait, by answers to what it asks, is cut off.
    var hardBytes = 512 * 1024
    /// When a client that takes nothing is resynced and closed.
    var slow = SlowLadder.Limits()
    /// When the node stops, so many clients a second are sent away at least,
    var reconnectsPerSecond = 500
    /// and all within this time.
    var drainWindow: Duration = .seconds(14)
    /// How long a close may take.
    var closeTimeout: Duration = .seconds(5)
}
