import Concurrency
import Contracts
import Edge
import HTTPServer
import JSON
import Kernel
import Messaging
import Postgres
import Store

/// `GET /api/runs/{id}/events`: what a run does, as server-sent events, from its beginning or after an event. The stream
/// ends with the run.
struct RunEventRoutes: Sendable {
    let pool: Pool
    let listeners: RunListeners
    let reader: EventLogReader
    /// How long a stream may be silent.
    private let heartbeat = Duration.seconds(15)
    private let page = 200

    init(pool: Pool, listeners: RunListeners) {
        self.pool = pool
        self.listeners = listeners
        reader = EventLogReader(pool)
    }

    func add(to api: inout API) {
        api.add(
            Operation(
                .get,
                "/api/runs/{id}/events",
                "what a run does, as server-sent events; it ends with the run",
                scope: .projectsRead,
                query: [.text("after", "the last event's id; from the beginning without one")],
                answersJSON: false
            )
        ) { call in try await stream(call) }
    }

    private func stream(_ call: Call) async throws -> Reply {
        let find = RunStatements.find(try call.id(of: "RUN"), limit: call.principal.project)
        let run = try await pool.first(find, Run.init, orMissing: "RUN")
        let epoch = try await reader.epoch()
        var place = LogPlace.start
        if let text = call.request.headers["Last-Event-ID"] ?? call.text("after"), !text.isEmpty {
            guard let position = Position(text) else { throw ServiceError.invalid("?after", "is no event's id") }
            // A place of another history says nothing: the whole run comes again, which is harmless.
            if position.epoch == epoch { place = LogPlace(position) }
        }
        let begin = place
        return .response(EventStream.response { writer in try await write(run.id, after: begin, epoch, to: writer) })
    }

    private func write(_ run: RunID, after begin: LogPlace, _ epoch: String, to writer: ResponseWriter) async throws {
        try await listeners.listening(to: run) { wakeup in
            var place = begin
            var lastWord = ContinuousClock.now
            while true {
                // Whether it has ended is asked before its events are read: those that ended it are among them.
                let hasEnded = try await pool.query(RunStatements.isOpen(run)).isEmpty
                var events: [LoggedEvent]
                repeat {
                    events = try await reader.settled(ofSubject: run.uuid, after: place, atMost: page)
                    for event in events {
                        let id = event.place.position(in: epoch)
                        try await writer.write(Array("id: \(id)\ndata: ".utf8) + event.body.bytes + Array("\n\n".utf8))
                        place = event.place
                    }
                    if !events.isEmpty { lastWord = .now }
                } while events.count == page
                if hasEnded { return }
                if ContinuousClock.now - lastWord >= heartbeat {
                    try await writer.write(Array(": still at it\n\n".utf8))
                    lastWord = .now
                }
                // The feed wakes us; a notice that is lost costs a second.
                _ = try await wakeup.wait(atMost: .seconds(1))
            }
        }
    }
}
