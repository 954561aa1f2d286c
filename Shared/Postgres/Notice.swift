/// A message sent by NOTIFY.
public struct Notice: Sendable, Hashable {
    /// The channel it was sent to.
    public let channel: String
    /// The text that came with it; empty when none did.
    public let payload: String

    /// A message.
    public init(channel: String, payload: String) {
        self.channel = channel
        self.payload = payload
    }
}
