import Concurrency
import HTTPClient
public import JSON
import Kernel
import Subprocess
public import Telemetry

/// A server of other people's tools.
///
/// ```swift
/// let server = RemoteServer(settings, logger: logger, metrics: metrics) { … other tools now … }
/// Task { await server.run() }
/// let answer = try await server.call("search", arguments, within: .seconds(30))
/// ```
public final class RemoteServer: Sendable {
    /// How it is with the server.
    public enum State: Sendable, Hashable {
        /// Not yet, or not any more, connected; why.
        case away(String)
        /// It can be called. `unusable` of its tools cannot.
        case ready(revision: String, unusable: Int)
    }

    private struct Content {
        var state = State.away("not tried yet")
        var tools: [RemoteTool] = []
        var byName: [String: RemoteTool] = [:]
        var conversation: Conversation?
        /// What worked the last time.
        var last: Revision?
    }

    /// What it is called.
    public let name: String
    private let settings: RemoteServerSettings
    private let logger: Logger
    private let client: Client?
    private let onChange: @Sendable () -> Void
    private let content: Lock<Content>
    private let changed = Wakeup()
    private let random: RandomSource

    /// A server that is not connected before `run`. `onChange` is called when its tools are others.
    public convenience init(
        _ settings: RemoteServerSettings,
        logger: Logger,
        metrics: Metrics,
        onChange: @escaping @Sendable () -> Void = {}
    ) {
        self.init(settings, last: nil, logger: logger, metrics: metrics, onChange: onChange)
    }

    /// A server of which the era is known that it was of the last time.
    init(
        _ settings: RemoteServerSettings,
        last: Revision?,
        logger: Logger,
        metrics: Metrics,
        onChange: @escaping @Sendable () -> Void = {}
    ) {
        content = Lock(Content(last: last))
        name = settings.name
        self.settings = settings
        self.logger = logger.with(["server": settings.name])
        self.onChange = onChange
        random = .system
        client =
            if case .http(_, _, let addresses) = settings.way {
                Client(
                    ClientSettings(name: "mcp \(settings.name)", maximumTransfers: 200, addressGuard: addresses),
                    logger: logger,
                    metrics: metrics
                )
            } else {
                nil
            }
    }

    /// How it is with the server.
    public var state: State { content.withLock { $0.state } }

    /// Its tools, in the order of the server; none while it is away.
    public var tools: [RemoteTool] { content.withLock { $0.tools } }

    // MARK: - Calls

    /// Calls a tool. Within `limit` there is an answer or an error; when the task is cancelled, the call is called off.
    ///
    /// - Throws: `RemoteError`, or `CancellationError`.
    public func call(
        _ tool: String,
        _ arguments: JSONElement,
        trace: TraceContext? = nil,
        within limit: Duration,
        progress: @escaping @Sendable (RemoteProgress) -> Void = { _ in }
    ) async throws -> RemoteAnswer {
        let (conversation, found, state) = content.withLock { ($0.conversation, $0.byName[tool], $0.state) }
        guard let conversation else {
            if case .away(let reason) = state { throw RemoteError.away(reason) }
            throw RemoteError.away("connecting")
        }
        guard let found else { throw RemoteError.away("it no longer has this tool") }
        do {
            return try await conversation.call(found, arguments, trace: trace, within: limit, progress)
        } catch let error as RemoteError {
            // Whether it is there at all is found out now, and not at the next refresh.
            if case .unreachable = error { changed.signal() }
            throw error
        }
    }

    // MARK: - Life

    /// Keeps the server connected and its tools known, until the task is cancelled. It then closes the session, or ends
    /// the program: SIGTERM, and SIGKILL after the command's grace.
    public func run() async {
        var attempt = 0
        while !Task.isCancelled {
            let begin = ContinuousClock.now
            do {
                try await connect()
            } catch is CancellationError {
                break
            } catch {
                lost(error)
            }
            // What has held for a while begins anew with short waits.
            attempt = .now - begin > settings.backoff.cap ? 1 : attempt + 1
            do {
                try await Task.sleep(for: settings.backoff.wait(afterAttempt: attempt, random: random))
            } catch {
                break
            }
        }
        forget("it was ended")
        await client?.shutdown()
    }

    private func connect() async throws {
        let transport = transport()
        let conversation = Conversation(
            transport,
            version: settings.version,
            patience: settings.patience,
            toolsChanged: { [changed] in changed.signal() }
        )
        let last = content.withLock { content in
            let last = content.last
            // Some programs end at a question that they do not know: the next attempt begins with the other one.
            if transport.silenceIsLegacy, last == nil { content.last = .legacy("") }
            return last
        }
        try await transport.whileOpen {
            let facts = try await conversation.negotiate(last: last)
            self.content.withLock { $0.last = facts.revision }
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await self.follow(conversation, facts) }
                if facts.announcesTools { group.addTask { try await self.listen(conversation) } }
                defer { group.cancelAll() }
                // Listening may end early, where a server only says that it tells of changes.
                while try await group.next() != nil {}
            }
        }
    }

    private func transport() -> any Transport {
        switch settings.way {
        case .http(let url, let headers, _):
            guard let client else { preconditionFailure("a server by HTTP has a client") }
            return HTTPTransport(client, url: url, headers: headers)
        case .program(let command):
            return ProgramTransport(command, logger: logger, mask: settings.mask) { [changed] message in
                if message.saysToolsChanged { changed.signal() }
            }
        }
    }

    /// Lists the tools again and again: when they have changed, and after a while in any case.
    private func follow(_ conversation: Conversation, _ facts: Conversation.Facts) async throws {
        while true {
            let list = facts.hasTools ? try await conversation.tools() : ToolList()
            take(list, conversation, facts)
            try await Task.sleep(for: settings.quiet)
            _ = try await changed.wait(atMost: settings.refresh)
        }
    }

    private func listen(_ conversation: Conversation) async throws {
        var attempt = 0
        while true {
            let begin = ContinuousClock.now
            do {
                try await conversation.listen()
            } catch let error as RemoteError {
                switch error {
                // There is nothing of the kind, whatever it says of itself.
                case .answered, .refused(status: 404), .refused(status: 405): return
                default: break
                }
            }
            attempt = .now - begin > settings.backoff.cap ? 1 : attempt + 1
            try await Task.sleep(for: settings.backoff.wait(afterAttempt: attempt, random: random))
        }
    }

    // MARK: - What is known

    private func take(_ list: ToolList, _ conversation: Conversation, _ facts: Conversation.Facts) {
        let state = State.ready(revision: facts.revision.text, unusable: list.unusable.count)
        let (isOther, isNew) = content.withLock { content in
            let isOther = content.tools != list.tools
            let isNew = content.state != state
            content.state = state
            content.conversation = conversation
            content.tools = list.tools
            content.byName = Dictionary(uniqueKeysWithValues: list.tools.map { ($0.name, $0) })
            return (isOther, isNew)
        }
        if isNew {
            logger.info("server connected", ["revision": facts.revision.text, "tools": list.tools.count])
            for (name, reason) in list.unusable.prefix(20) {
                logger.warning("tool of a server left out", ["tool": name, "reason": reason])
            }
        }
        if isOther { onChange() }
    }

    private func lost(_ error: any Error) {
        let reason = (error as? RemoteError)?.description ?? "it cannot be used"
        if forget(reason) { logger.warning("server away", ["reason": reason]) }
    }

    /// Its tools are gone. Returns whether that is news.
    @discardableResult
    private func forget(_ reason: String) -> Bool {
        let (isNews, hadTools) = content.withLock { content in
            let old = content
            content = Content(state: .away(reason), last: old.last)
            return (old.state != content.state, !old.tools.isEmpty)
        }
        if hadTools { onChange() }
        return isNews
    }
}
