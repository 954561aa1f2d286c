import Concurrency
import Kernel

/// What a request has to say to its client: messages, and at the end its answer. At most so many messages wait; beyond
/// that the oldest go, which for progress is no loss.
final class MCPOutbox: Sendable {
    /// A message, with its number among those of its request.
    struct Event: Sendable {
        let number: Int
        let message: [UInt8]
        /// Whether it asks the client something.
        var isQuestion = false
    }

    enum Ending: Sendable {
        case answer(Event, status: Int)
        /// Nothing more comes.
        case silence
    }

    /// What there is to send, in order.
    struct Batch: Sendable {
        var events: [Event] = []
        var ending: Ending?
        /// Whether the connection is to be let go.
        var cutsOff = false
    }

    private struct State {
        var waiting = Batch()
        var last = 0
        var hasEnded = false
        var isCutOff = false

        mutating func number(_ message: [UInt8]) -> Event {
            last += 1
            return Event(number: last, message: message)
        }
    }

    /// What its messages are a stream of, where they are stored.
    let stream = IdentifierSource().uuid()
    private let state = Lock(State())
    private let wakeup = Wakeup()
    private let bound = 100

    /// Sends a message, unless the answer is out.
    func send(_ message: [UInt8]) {
        state.withLock { state in
            guard !state.hasEnded else { return }
            if state.waiting.events.count >= bound,
                let oldest = state.waiting.events.firstIndex(where: { !$0.isQuestion })
            {
                state.waiting.events.remove(at: oldest)
            }
            let event = state.number(message)
            state.waiting.events.append(event)
        }
        wakeup.signal()
    }

    /// Asks a legacy client something; its answer will name the event.
    func ask(_ request: InputRequest) -> MCPEventID {
        let id = state.withLock { state in
            state.last += 1
            let id = MCPEventID(stream: stream, number: state.last)
            let message = MCPMessage.request(request.method, request.parameters, id: id.description)
            state.waiting.events.append(Event(number: id.number, message: message, isQuestion: true))
            return id
        }
        wakeup.signal()
        return id
    }

    /// Lets the connection go over which a legacy client waits: it comes back for the answer.
    func cutOff() {
        state.withLock { state in
            state.isCutOff = true
            state.waiting.cutsOff = true
        }
        wakeup.signal()
    }

    var isCutOff: Bool { state.withLock { $0.isCutOff } }

    /// Sends the answer, or ends without one. Only the first counts.
    func finish(_ answer: [UInt8]?, status: Int = 200) {
        state.withLock { state in
            guard !state.hasEnded else { return }
            state.hasEnded = true
            state.waiting.ending = answer.map { .answer(state.number($0), status: status) } ?? .silence
        }
        wakeup.signal()
    }

    /// What has come since the last time; nothing when nothing came in time. For one reader, until the end.
    func next(atMost limit: Duration) async throws -> Batch {
        let deadline = ContinuousClock.now + limit
        while true {
            let batch = state.withLock { state in
                defer { state.waiting = Batch() }
                return state.waiting
            }
            if !batch.events.isEmpty || batch.ending != nil || batch.cutsOff { return batch }
            let left = deadline - .now
            guard left > .zero else { return batch }
            _ = try await wakeup.wait(atMost: left)
        }
    }
}
