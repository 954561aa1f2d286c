/// A frame of the working channel, copied out of the library's memory.
enum Frame: Sendable {
    case ack(tag: UInt64, multiple: Bool)
    case nack(tag: UInt64, multiple: Bool)
    case begin(DeliveryAssembler.Start)
    case header(MessageProperties, size: UInt64)
    case body([UInt8])
    case cancel
    case blocked(reason: String)
    case unblocked
    case closed(code: Int, text: String)
    /// An answer nobody waits for any more.
    case other
}
