import HTTPClient

/// Reads an answer of one wire from bytes that may be cut anywhere: server-sent events, or a line of JSON each.
public struct AnswerReader: Sendable {
    private enum Framing: Sendable {
        case events(ServerSentEvents)
        case lines([UInt8])
    }

    private let limits: AnswerLimits
    private let requestBytes: Int
    private var framing: Framing
    private var answer: any WireAnswer
    private var bytes = 0
    private var hasEvents = false

    /// A reader at the start of an answer.
    public init(_ wire: Wire) { self.init(wire, ToolNames()) }

    init(_ wire: Wire, _ names: ToolNames = ToolNames(), requestBytes: Int = 0, limits: AnswerLimits = AnswerLimits()) {
        self.limits = limits
        self.requestBytes = requestBytes
        framing =
            wire == .ollama ? .lines([]) : .events(ServerSentEvents(maximumEventBytes: limits.eventBytes))
        answer = wire.answer(AnswerBuilder(names, limits))
    }

    /// Whether all of the answer has come; what may follow is counts and politeness.
    public var isComplete: Bool { answer.isComplete }

    /// Takes the next bytes, and gives out what they say.
    public mutating func feed(_ chunk: [UInt8]) throws(ModelFailure) -> [ModelDelta] {
        bytes += chunk.count
        guard bytes <= limits.bytes else { throw .tooLarge("more than \(limits.bytes) bytes") }
        for data in try split(chunk) {
            hasEvents = true
            try answer.take(data)
        }
        return answer.builder.takeDeltas()
    }

    /// The reply, when there are no more bytes, and what the last of them still said.
    public mutating func end() throws(ModelFailure) -> (reply: ModelReply, deltas: [ModelDelta]) {
        let deltas = isComplete ? [] : try endLine()
        if isComplete { return (answer.builder.reply(to: requestBytes), deltas) }
        if bytes > 0, !hasEvents { throw .invalid("is no stream of events") }
        throw .broken("the answer ended before its end")
    }

    /// A last line needs no line feed; one that is cut off says nothing.
    private mutating func endLine() throws(ModelFailure) -> [ModelDelta] {
        guard case .lines(let line) = framing, !line.isEmpty else { return [] }
        let isFirst = !hasEvents
        do {
            return try feed([UInt8(ascii: "\n")])
        } catch  where error.code == .answerInvalid && !isFirst {
            return []
        }
    }

    private mutating func split(_ chunk: [UInt8]) throws(ModelFailure) -> [String] {
        switch framing {
        case .events(var events):
            framing = .lines([])  // so that there is one reference, and nothing is copied
            defer { framing = .events(events) }
            do {
                return try events.feed(chunk).map(\.data)
            } catch {
                throw .tooLarge("an event of more than \(limits.eventBytes) bytes")
            }
        case .lines(var line):
            framing = .lines([])
            defer { framing = .lines(line) }
            var lines: [String] = []
            for byte in chunk {
                guard byte == UInt8(ascii: "\n") else {
                    guard line.count < limits.eventBytes else {
                        throw .tooLarge("a line of more than \(limits.eventBytes) bytes")
                    }
                    line.append(byte)
                    continue
                }
                let isBlank = line.allSatisfy { $0 == 0x20 || $0 == 0x09 || $0 == 0x0D }
                if !isBlank { lines.append(String(decoding: line, as: UTF8.self)) }
                line.removeAll(keepingCapacity: true)
            }
            return lines
        }
    }
}
