import HTTPClient
import JSON
import Kernel

/// Streams of events, and bodies that are read whole.
extension HTTPTransport {
    /// How often a stream that has ended early is taken up again.
    private static let maximumReturns = 100
    /// How long to wait before that, where the server does not say.
    private static let pause = Duration.seconds(1)

    /// What a stream came to.
    struct Ending {
        var result: Result<JSONElement, RemoteError>?
        /// Where it can be taken up again; empty for nowhere.
        var place = ""
        var pause: Duration?
    }

    /// Opens a stream of the older era: what the server says unasked, or the rest of one that has ended at `place`.
    func stream(_ revision: Revision, from place: String = "") async throws -> ResponseBody {
        let header = place.isEmpty ? [] : [(name: "Last-Event-ID", value: place)]
        let response = try await send("GET", revision: revision, body: nil, header, limit: nil)
        guard response.status == 200, HTTPTransport.type(response) == "text/event-stream" else {
            response.body.cancel()
            throw RemoteError.refused(status: response.status)
        }
        return response.body
    }

    /// Follows the stream that answers a request. A server of the older era may end it early, and goes on with it when
    /// asked for the rest; the time of the call bounds that.
    func follow(
        _ body: ResponseBody,
        to request: Request,
        _ heard: @escaping @Sendable (Message) -> Void
    ) async throws -> Result<JSONElement, RemoteError> {
        var body = body
        for _ in 0...HTTPTransport.maximumReturns {
            let ending = try await read(body, request.revision) { message in
                if case .answer(let id, let result) = message { return id == request.id ? result : nil }
                if message.progress.map({ $0.id == request.id }) ?? true { heard(message) }
                return nil
            }
            if let result = ending.result { return result }
            guard case .legacy? = request.revision, let revision = request.revision, !ending.place.isEmpty else {
                break
            }
            try await Task.sleep(for: min(ending.pause ?? HTTPTransport.pause, .seconds(10)))
            body = try await stream(revision, from: ending.place)
        }
        throw RemoteError.violation("a stream that ends without the answer")
    }

    /// Reads events until `take` has what it wants, or the stream's end.
    func read(
        _ body: ResponseBody,
        _ revision: Revision?,
        _ take: (Message) throws -> Result<JSONElement, RemoteError>?
    ) async throws -> Ending {
        defer { body.cancel() }
        var events = ServerSentEvents(maximumEventBytes: HTTPTransport.maximumMessage)
        var ending = Ending()
        var (bytes, questions) = (0, 0)
        while let chunk = try await next(body, orEndAt: ending.place) {
            bytes += chunk.count
            guard bytes <= HTTPTransport.maximumAnswer else { throw RemoteError.tooLarge("an answer without end") }
            let complete: [ServerSentEvent]
            do {
                complete = try events.feed(chunk)
            } catch {
                throw RemoteError.tooLarge("more than \(HTTPTransport.maximumMessage) bytes of an event")
            }
            (ending.place, ending.pause) = (events.lastEventID, events.retry)
            // An event without data only says where the stream may be taken up.
            for event in complete where !event.data.isEmpty {
                let message = try Message(parsing: Array(event.data.utf8))
                if case .request(let id, let method) = message, let revision, !revision.isModern {
                    questions += 1
                    guard questions <= HTTPTransport.maximumQuestions else {
                        throw RemoteError.violation("more questions than answers")
                    }
                    let reply = Message.reply(to: id, method: method)
                    try await send("POST", revision: revision, body: reply, limit: .seconds(10)).body.cancel()
                } else if let result = try take(message) {
                    ending.result = result
                    return ending
                }
            }
        }
        return ending
    }

    /// The whole of a body.
    func collect(_ body: ResponseBody, atMost limit: Int) async throws -> [UInt8] {
        var bytes: [UInt8] = []
        while let chunk = try await next(body) {
            guard bytes.count + chunk.count <= limit else {
                body.cancel()
                throw RemoteError.tooLarge("more than \(limit) bytes of an answer")
            }
            bytes += chunk
        }
        return bytes
    }

    /// The next bytes, `nil` at the end; a stream that breaks where it may be taken up again has ended.
    private func next(_ body: ResponseBody, orEndAt place: String = "") async throws -> [UInt8]? {
        do {
            return try await body.next()
        } catch ClientError.connectionLost where !place.isEmpty {
            return nil
        } catch let error as ClientError {
            throw HTTPTransport.describe(error)
        }
    }
}
