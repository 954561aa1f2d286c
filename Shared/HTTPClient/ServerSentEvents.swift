/// An event of a `text/event-stream`.
public struct ServerSentEvent: Sendable, Hashable {
    /// Its type, `message` unless the server names one.
    public var type: String
    /// Its data, lines joined by line feeds.
    public var data: String
    /// The last id the server gave, for `Last-Event-ID` when connecting again.
    public var lastEventID: String
}

/// Reads a `text/event-stream` (WHATWG HTML §9.2) from chunks that may be cut anywhere, also inside a character.
///
/// An event that the stream's end cuts off is dropped, as the standard says. Call `lastEventID` and `retry` to
/// connect again.
public struct ServerSentEvents: Sendable {
    /// A line or an event exceeds the limit.
    public struct TooLarge: Error, Sendable, Hashable {}

    /// The last id the server gave; empty at first.
    public private(set) var lastEventID = ""
    /// How long the server wants to be left alone before a reconnect.
    public private(set) var retry: Duration?

    private let maximumEventBytes: Int
    private var line: [UInt8] = []
    private var type = ""
    private var data: [UInt8] = []
    private var hasData = false
    private var pendingID = ""
    private var skipsLineFeed = false
    private var isFirstLine = true

    /// A reader at the start of a stream. An event, or a line, of more than `maximumEventBytes` is refused.
    public init(maximumEventBytes: Int = 1 << 20) { self.maximumEventBytes = maximumEventBytes }

    /// Takes the next bytes and returns the events that they complete.
    public mutating func feed(_ chunk: some Sequence<UInt8>) throws(TooLarge) -> [ServerSentEvent] {
        var events: [ServerSentEvent] = []
        for byte in chunk {
            if skipsLineFeed {
                skipsLineFeed = false
                if byte == UInt8(ascii: "\n") { continue }
            }
            switch byte {
            case UInt8(ascii: "\r"):
                skipsLineFeed = true
                endLine(&events)
            case UInt8(ascii: "\n"):
                endLine(&events)
            default:
                guard line.count + data.count < maximumEventBytes else { throw TooLarge() }
                line.append(byte)
            }
        }
        return events
    }

    private mutating func endLine(_ events: inout [ServerSentEvent]) {
        defer { line.removeAll(keepingCapacity: true) }
        var text = line[...]
        if isFirstLine {
            isFirstLine = false
            if text.starts(with: [0xEF, 0xBB, 0xBF]) { text = text.dropFirst(3) }
        }
        if text.isEmpty {
            dispatch(&events)
            return
        }
        let colon = text.firstIndex(of: UInt8(ascii: ":"))
        if colon == text.startIndex { return }  // a comment
        let name = String(decoding: text[..<(colon ?? text.endIndex)], as: UTF8.self)
        var value = colon.map { text[($0 + 1)...] } ?? []
        if value.first == UInt8(ascii: " ") { value = value.dropFirst() }
        switch name {
        case "data":
            if hasData { data.append(UInt8(ascii: "\n")) }
            hasData = true
            data += value
        case "event": type = String(decoding: value, as: UTF8.self)
        case "id":
            if !value.contains(0) { pendingID = String(decoding: value, as: UTF8.self) }
        case "retry":
            let text = String(decoding: value, as: UTF8.self)
            if !value.isEmpty, value.allSatisfy({ (0x30...0x39).contains($0) }), let milliseconds = Int64(text) {
                retry = .milliseconds(milliseconds)
            }
        default: break
        }
    }

    private mutating func dispatch(_ events: inout [ServerSentEvent]) {
        lastEventID = pendingID
        if hasData {
            events.append(
                ServerSentEvent(
                    type: type.isEmpty ? "message" : type,
                    data: String(decoding: data, as: UTF8.self),
                    lastEventID: lastEventID
                )
            )
        }
        type = ""
        data.removeAll(keepingCapacity: true)
        hasData = false
    }
}
