import Concurrency
import Contracts
import HTTPServer
import JSON
import Kernel
import Postgres

/// The event streams by which calls of legacy clients are answered. They are in the database: a client that has lost its
/// connection finds the rest at any replica, and gives its answers to any.
struct MCPStreams: Sendable {
    /// When a client that was cut off may come back.
    private static let retry = Duration.milliseconds(500)
    private static let page = 100

    /// A client that hears this gives the request up.
    static let unknown = ServiceError(
        .badRequest,
        "Last-Event-ID names no stream of this session that is still known"
    )

    let pool: Pool
    let watch: MCPWatch

    // MARK: - For the process that answers

    /// Begins a stream for a request, with the first events.
    func open(_ stream: UUID, for request: MCPMessage.ID, session: [UInt8], with batch: MCPOutbox.Batch) async throws {
        let open = MCPStreamStatements.open(stream, session: session, request: request.json)
        _ = try await pool.atomically([open, MCPStreams.append(batch, to: stream)])
    }

    /// Adds events; an empty batch says that the process is alive. Returns whether the stream has not ended yet.
    func append(_ batch: MCPOutbox.Batch, to stream: UUID) async throws -> Bool {
        let isOpen = try await !pool.query(MCPStreams.append(batch, to: stream)).isEmpty
        watch.ring(stream)
        return isOpen
    }

    private static func append(_ batch: MCPOutbox.Batch, to stream: UUID) -> SQL {
        var events = batch.events
        if case .answer(let answer, _)? = batch.ending { events.append(answer) }
        return MCPStreamStatements.append(events, to: stream, ends: batch.ending != nil)
    }

    /// Waits for the answers to questions of a stream.
    ///
    /// - Throws: `ServiceError` when they do not come in time.
    func answers(to questions: [MCPEventID], on stream: UUID, atMost limit: Duration) async throws -> [Int: JSONElement]
    {
        let deadline = ContinuousClock.now + limit
        return try await watch.watching(stream) { wakeup in
            while true {
                var answers: [Int: JSONElement] = [:]
                let found = MCPStreamStatements.answers(of: stream, to: questions.map(\.number))
                for row in try await pool.query(found) {
                    answers[try row.decode(0)] = try JSONDocument(parsing: row.decode(1, as: RawJSON.self).bytes).root
                }
                if answers.count == questions.count { return answers }
                let left = deadline - .now
                guard left > .zero else { throw ServiceError(.deadlineExceeded, "the client has not answered in time") }
                _ = try await wakeup.wait(atMost: min(left, EventStream.silence))
            }
        }
    }

    // MARK: - For any process

    /// Takes what a client answers to a question of one of its streams; anything else is nobody's loss.
    func take(_ answer: RawJSON, to question: MCPEventID, session: [UInt8]) async throws {
        try await pool.execute(MCPStreamStatements.take(answer, to: question, session: session))
        watch.ring(question.stream)
    }

    /// Ends the stream that answers a request, wherever that is answered: who answers it notices within seconds.
    func cancel(_ request: MCPMessage.ID, session: [UInt8]) async throws {
        try await pool.execute(MCPStreamStatements.cancel(request.json, session: session))
    }

    /// A response that tells what comes after an event, until the answer. The first of a stream begins with an event
    /// that says nothing, so that the client can come back from the start; it ends early when `outbox` lets it go.
    func response(
        after last: MCPEventID,
        session: [UInt8],
        first outbox: MCPOutbox? = nil
    ) async throws -> Response {
        guard try await read(last, session: session) != nil else { throw MCPStreams.unknown }
        return EventStream.response { writer in
            if outbox != nil {
                let retry = MCPStreams.retry.milliseconds
                try await writer.write(Array("id: \(last)\nretry: \(Int(retry))\ndata: \n\n".utf8))
            }
            try await follow(last, session: session, to: writer) { outbox?.isCutOff == true }
        } stopping: {
            // The answer that ends with the process still goes out here; another's stream goes on elsewhere.
            if outbox != nil { try await Task.sleep(for: EventStream.silence) }
        }
    }

    private func follow(
        _ begin: MCPEventID,
        session: [UInt8],
        to writer: ResponseWriter,
        until isOver: () -> Bool
    ) async throws {
        var last = begin
        try await watch.watching(begin.stream) { wakeup in
            while let page = try await read(last, session: session) {
                for event in page.events {
                    last = MCPEventID(stream: last.stream, number: event.number)
                    try await writer.write(EventStream.event(event.message, id: last.description))
                }
                if page.events.count == MCPStreams.page { continue }
                if page.hasEnded || isOver() { return }
                if page.isDead {
                    let answer = MCPMessage.error(.interrupted, to: page.request)
                    try await pool.execute(MCPStreamStatements.bury(last.stream, message: RawJSON(answer)))
                    continue
                }
                if try await !wakeup.wait(atMost: EventStream.silence) { try await writer.write(EventStream.comment) }
            }
        }
    }

    private struct Page {
        let request: MCPMessage.ID
        let hasEnded: Bool
        let isDead: Bool
        var events: [(number: Int, message: [UInt8])] = []
    }

    /// What comes after an event; `nil` where there is no such stream.
    private func read(_ last: MCPEventID, session: [UInt8]) async throws -> Page? {
        let events = MCPStreamStatements.events(
            of: last.stream,
            session: session,
            after: last.number,
            atMost: MCPStreams.page
        )
        var page: Page?
        for row in try await pool.query(events) {
            var reader = row.reader
            let request = MCPMessage.ID(json: try reader.next())
            let (hasEnded, isDead): (Bool, Bool) = (try reader.next(), try reader.next())
            let number: Int? = try reader.next()
            let message: RawJSON? = try reader.next()
            page = page ?? Page(request: request, hasEnded: hasEnded, isDead: isDead)
            if let number, let message { page?.events.append((number, message.bytes)) }
        }
        return page
    }
}
