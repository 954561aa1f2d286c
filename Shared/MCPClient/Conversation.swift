import Concurrency
import JSON
import Kernel
import Telemetry

/// Requests and answers over one connection, in the era that was agreed on.
final class Conversation: Sendable {
    /// What a server says of itself.
    struct Facts: Sendable {
        let revision: Revision
        let hasTools: Bool
        /// Whether it may tell when its tools change. Some servers of the older era do so without saying.
        let announcesTools: Bool

        init(_ revision: Revision, _ result: JSONElement) {
            self.revision = revision
            let tools = result["capabilities"]?.value("tools")
            hasTools = tools?.kind == .object
            announcesTools = hasTools && (tools?["listChanged"]?.bool == true || !revision.isModern)
        }
    }

    private struct State {
        var facts: Facts?
        var lastID = 0
        /// How often a session was opened.
        var sessions = 0
    }

    private let transport: any Transport
    private let client: RawJSON
    private let patience: Duration
    private let toolsChanged: @Sendable () -> Void
    private let state = Lock(State())
    private let renewing = AsyncSemaphore(places: 1)

    init(
        _ transport: any Transport,
        version: String,
        patience: Duration,
        toolsChanged: @escaping @Sendable () -> Void
    ) {
        self.transport = transport
        self.patience = patience
        self.toolsChanged = toolsChanged
        client = RawJSON(
            JSONWriter.bytes { json in
                json.object {
                    $0.member("name", "martlet")
                    $0.member("version", version)
                }
            }
        )
    }

    /// Finds out how to speak. `last` is what worked the last time.
    func negotiate(last: Revision?) async throws -> Facts {
        var negotiation = Negotiation(last: last, silenceIsLegacy: transport.silenceIsLegacy)
        var said = JSONElement.null
        while true {
            switch negotiation.step {
            case .discover:
                let answer = try await outcome { try await self.exchange("server/discover", in: .modern) }
                negotiation.discovered(answer)
                if case .success(let result) = answer { said = result }
            case .initialize:
                let answer = try await outcome { try await self.initialize() }
                negotiation.initialized(answer)
                if case .success(let result) = answer { said = result }
            case .ready(let revision):
                let facts = Facts(revision, said)
                state.withLock { $0.facts = facts }
                if !revision.isModern {
                    try await transport.notify(Request("notifications/initialized", id: nil, revision: revision))
                }
                return facts
            case .failed(let error): throw error
            }
        }
    }

    private func initialize() async throws -> JSONElement {
        transport.forgetSession()
        return try await exchange("initialize", in: nil) { [client] json in
            json.member("protocolVersion", Revision.legacyTexts[0])
            json.member("capabilities", RawJSON.emptyObject)
            json.member("clientInfo", client)
        }
    }

    private func outcome(
        _ body: () async throws -> JSONElement
    ) async throws -> Result<JSONElement, RemoteError> {
        do {
            return .success(try await body())
        } catch let error as RemoteError {
            return .failure(error)
        }
    }

    // MARK: - Tools

    /// All tools there are.
    func tools() async throws -> ToolList {
        var list = ToolList()
        var cursor: String?
        repeat {
            let page = try await ask("tools/list") { [cursor] json in if let cursor { json.member("cursor", cursor) } }
            cursor = try list.take(page)
        } while cursor != nil
        return list
    }

    /// Calls a tool; within `limit` there is an answer or an error.
    func call(
        _ tool: RemoteTool,
        _ arguments: JSONElement,
        trace: TraceContext?,
        within limit: Duration,
        _ progress: @escaping @Sendable (RemoteProgress) -> Void
    ) async throws -> RemoteAnswer {
        let headers = tool.headers.compactMap { $0.header(for: arguments) }
        let heard: @Sendable (Message) -> Void = { [toolsChanged] message in
            if let (_, step) = message.progress { progress(step) }
            if message.saysToolsChanged { toolsChanged() }
        }
        let call = Call(subject: tool.name, headers: headers, trace: trace, heard: heard)
        let result = try await ask("tools/call", call, within: limit) { json in
            json.member("name", tool.name)
            if arguments.kind == .object { json.member("arguments", arguments) }
        }
        return try RemoteAnswer(result)
    }

    /// Hears of changes of the list, until that ends.
    func listen() async throws {
        guard let facts = state.withLock({ $0.facts }) else { return }
        let heard: @Sendable (Message) -> Void = { [toolsChanged] message in
            // What was changed before the server listened to us is not told.
            if case .notification("notifications/subscriptions/acknowledged", _) = message { toolsChanged() }
            if message.saysToolsChanged { toolsChanged() }
        }
        guard facts.revision.isModern else { return try await transport.listen(facts.revision, heard) }
        let request = request("subscriptions/listen", .modern, Call()) { json in
            json.member("notifications", RawJSON(#"{"toolsListChanged":true}"#))
        }
        _ = try await transport.exchange(request, heard)
    }

    // MARK: - Requests

    /// What a request has beside its parameters.
    private struct Call {
        var subject: String?
        var headers: [(name: String, value: String)] = []
        var trace: TraceContext?
        /// Hears what the server says of it before the answer.
        var heard: @Sendable (Message) -> Void = { _ in }
    }

    /// Asks; a session that has ended meanwhile is opened anew, once.
    private func ask(
        _ method: String,
        _ call: Call = Call(),
        within limit: Duration? = nil,
        _ parameters: @escaping @Sendable (inout JSONWriter) -> Void
    ) async throws -> JSONElement {
        let (facts, sessions) = state.withLock { ($0.facts, $0.sessions) }
        guard let facts else { throw RemoteError.away("not agreed on a revision") }
        do {
            return try await exchange(method, in: facts.revision, call, within: limit, parameters)
        } catch RemoteError.sessionEnded {
            try await renewing.withPlace { try await renew(after: sessions) }
            return try await exchange(method, in: facts.revision, call, within: limit, parameters)
        }
    }

    /// Opens another session, unless somebody has just done so.
    private func renew(after sessions: Int) async throws {
        guard state.withLock({ $0.sessions }) == sessions else { return }
        let result = try await initialize()
        guard let facts = state.withLock({ $0.facts }), result["protocolVersion"]?.string == facts.revision.text else {
            throw RemoteError.violation("another revision in another session")
        }
        try await transport.notify(Request("notifications/initialized", id: nil, revision: facts.revision))
        state.withLock { $0.sessions += 1 }
    }

    private func exchange(
        _ method: String,
        in revision: Revision?,
        _ call: Call = Call(),
        within limit: Duration? = nil,
        _ parameters: @escaping @Sendable (inout JSONWriter) -> Void = { _ in }
    ) async throws -> JSONElement {
        let request = request(method, revision, call, parameters)
        do {
            return try await withDeadline(limit ?? patience, for: method) { [transport] in
                try await transport.exchange(request, call.heard)
            }
        } catch is DeadlineExceeded {
            throw RemoteError.timedOut
        }
    }

    private func request(
        _ method: String,
        _ revision: Revision?,
        _ call: Call,
        _ parameters: (inout JSONWriter) -> Void
    ) -> Request {
        let id = state.withLock { state in
            state.lastID += 1
            return state.lastID
        }
        var request = Request(method, id: id, revision: revision, client: client, trace: call.trace, parameters)
        request.subject = call.subject
        request.headers = call.headers
        return request
    }
}
