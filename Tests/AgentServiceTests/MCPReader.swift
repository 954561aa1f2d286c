import HTTPClient
import JSON
import Testing

@testable import AgentService

/// Reads the messages of a stream of events.
struct MCPReader {
    private let body: ResponseBody
    private var parser = ServerSentEvents()
    private var waiting: [ServerSentEvent] = []
    /// The id of the last event.
    private(set) var lastEventID = ""
    /// When the server wants its client back.
    var retry: Duration? { parser.retry }

    init(_ body: ResponseBody) { self.body = body }

    /// The next event, one without data among them; `nil` at the end. What never comes is not waited for longer than it
    /// takes to find that a process is dead.
    mutating func event() async throws -> ServerSentEvent? {
        let deadline = ContinuousClock.now + .seconds(60)
        while waiting.isEmpty {
            try #require(.now < deadline, "no event comes")
            guard let chunk = try await body.next() else { return nil }
            waiting += try parser.feed(chunk)
        }
        lastEventID = waiting[0].lastEventID
        return waiting.removeFirst()
    }

    /// The next message.
    mutating func next() async throws -> JSONElement {
        while true {
            let event = try #require(try await event(), "the stream has ended")
            if !event.data.isEmpty { return try JSONDocument(parsing: event.data).root }
        }
    }

    /// The answer to the request of that id, and the messages before it.
    mutating func answer(to id: String) async throws -> (answer: JSONElement, before: [JSONElement]) {
        var before: [JSONElement] = []
        while true {
            let message = try await next()
            if message["method"] == nil, message["id"]?.string == id { return (message, before) }
            before.append(message)
        }
    }
}
