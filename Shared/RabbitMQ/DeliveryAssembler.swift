/// Puts a delivery together from its frames.
///
/// ```
///   idle ── deliver ──▶ method ── header ──▶ content ── body … until complete ──▶ idle, one delivery
///                                    └── empty body ───────────────────────────▶ idle, one delivery
/// ```
/// The library's own reader waits without limit between these frames; this one never waits.
struct DeliveryAssembler {
    /// What a delivery or a returned message begins with.
    enum Start: Sendable, Hashable {
        case delivery(tag: UInt64, redelivered: Bool, exchange: String, routingKey: String)
        case returned(code: Int, text: String, exchange: String, routingKey: String)
    }

    struct Content: Sendable {
        let start: Start
        let properties: MessageProperties
        let body: [UInt8]
    }

    private enum State {
        case idle
        case method(Start)
        case content(Start, MessageProperties, size: Int, body: [UInt8])
    }

    private var state = State.idle

    mutating func begin(_ start: Start) throws(BrokerError) {
        guard case .idle = state else { throw .protocolViolation("a content began inside another") }
        state = .method(start)
    }

    mutating func header(_ properties: MessageProperties, size: UInt64) throws(BrokerError) -> Content? {
        guard case .method(let start) = state else { throw .protocolViolation("a content header without a method") }
        guard let size = Int(exactly: size) else { throw .protocolViolation("a body of impossible size") }
        if size == 0 {
            state = .idle
            return Content(start: start, properties: properties, body: [])
        }
        state = .content(start, properties, size: size, body: [])
        return nil
    }

    mutating func body(_ fragment: [UInt8]) throws(BrokerError) -> Content? {
        guard case .content(let start, let properties, let size, var body) = state else {
            throw .protocolViolation("a body without a content header")
        }
        // Lets `body` be the only owner, so that appending does not copy.
        state = .idle
        if body.isEmpty { body = fragment } else { body += fragment }
        guard body.count <= size else { throw .protocolViolation("a body longer than announced") }
        if body.count == size { return Content(start: start, properties: properties, body: body) }
        state = .content(start, properties, size: size, body: body)
        return nil
    }
}
