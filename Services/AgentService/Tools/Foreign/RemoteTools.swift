import Concurrency
import Contracts
import Edge
import JSON
import Kernel
import Lifecycle
import MCPClient
import Telemetry

/// The tools of one server of MCP, while it is there.
final class RemoteTools: ToolSource, Service {
    private struct Content {
        var tools: [Tool] = []
        var byName: [String: Tool] = [:]
    }

    /// As which the server is known in logs.
    let name: String
    private let declared: RemoteServerDeclaration
    private let logger: Logger
    private let changed = Wakeup()
    private let server: RemoteServer
    private let content = Lock(Content())

    init(_ declared: RemoteServerDeclaration, logger: Logger, metrics: Metrics) {
        self.declared = declared
        self.logger = logger
        name = "mcp server \(declared.settings.name)"
        server = RemoteServer(declared.settings, logger: logger, metrics: metrics) { [changed] in changed.signal() }
    }

    var tools: [Tool] { content.withLock { $0.tools } }

    func tool(_ name: String) -> Tool? { content.withLock { $0.byName[name] } }

    /// Whether the server is there.
    var health: HealthCheck {
        .soft("mcp_\(declared.settings.name)") { [server] in
            switch server.state {
            case .ready(let revision, 0): HealthResult(.healthy, "MCP \(revision)")
            case .ready(let revision, let unusable):
                HealthResult(.healthy, "MCP \(revision); \(unusable) of its tools cannot be used, the log says why")
            case .away(let reason): HealthResult(.degraded, reason)
            }
        }
    }

    /// Keeps the server connected until `stop` is raised.
    func run(until stop: StopSignal) async throws {
        try await stop.cancelling {
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { await self.server.run() }
                group.addTask { while true { try await self.takeChanges() } }
                try await group.waitForAll()
            }
        }
    }

    private func takeChanges() async throws {
        guard try await changed.wait(atMost: .seconds(600)) else { return }
        var content = Content()
        for remote in server.tools where declared.allowed?.contains(remote.name) ?? true {
            let tool = tool(remote)
            guard content.byName[tool.name] == nil else {
                logger.warning("tool of a server left out", ["tool": tool.name, "reason": "its name is taken"])
                continue
            }
            content.byName[tool.name] = tool
            content.tools.append(tool)
        }
        content.tools.sort { $0.name < $1.name }
        let new = content
        self.content.withLock { $0 = new }
    }

    // MARK: - A tool

    private func tool(_ remote: RemoteTool) -> Tool {
        let effect = declared.effect(of: remote.name, isReadOnly: remote.isReadOnly)
        let isIdempotent = declared.trustsAnnotations && remote.isIdempotent
        let promise = remote.output.flatMap(RemoteTools.read)
        return Tool(
            name: RemoteToolName.of(remote.name, at: declared.settings.name),
            title: remote.title ?? remote.name,
            summary: remote.summary,
            // What cannot be checked here the server checks.
            input: RemoteTools.read(remote.input) ?? .anyObject,
            foreignInput: remote.input,
            effect: effect,
            isIdempotent: isIdempotent,
            isRepeatable: effect == .read || isIdempotent,
            isOpen: true,
            scope: declared.scope,
            // The call's own limit comes first, and tells more.
            timeout: declared.timeout + .seconds(5),
            source: ToolSourceName.server(declared.settings.name)
        ) { [declared, server] call in
            let answer = try await RemoteTools.run(remote, declared, server, call)
            if let promise, !answer.isError { try RemoteTools.check(answer, promise) }
            return answer
        }
    }

    /// A schema of the server's; `nil` for one that is none, or asks for too much.
    private static func read(_ schema: RawJSON) -> JSONSchema? {
        do {
            return try JSONSchema(parsing: JSONDocument(parsing: schema.bytes).root)
        } catch {
            return nil
        }
    }

    private static func run(
        _ tool: RemoteTool,
        _ declared: RemoteServerDeclaration,
        _ server: RemoteServer,
        _ call: ToolCall
    ) async throws -> ToolAnswer {
        do {
            let answer = try await server.call(
                tool.name,
                call.arguments,
                trace: call.trace,
                within: declared.timeout
            ) { step in
                call.progress(ToolProgress(done: step.done, total: step.total, message: step.message))
            }
            return try RemoteTools.answer(answer, declared)
        } catch RemoteError.answered(let code, let message, _) {
            return ToolAnswer(
                content: [
                    .text("the server answers with error \(code)\n\(declared.settings.mask.applied(to: message))")
                ],
                isError: true,
                isUntrusted: true
            )
        } catch let error as RemoteError {
            throw RemoteTools.refusal(error)
        }
    }

    /// What a server promises of its answers it has to keep: those who read them rely on it.
    private static func check(_ answer: ToolAnswer, _ promise: JSONSchema) throws {
        guard let structured = answer.structured,
            promise.issues(in: try JSONDocument(parsing: structured.bytes).root).isEmpty
        else { throw ServiceError(.upstreamFailed, "the server's answer is not what it promises") }
    }

    private static func answer(_ answer: RemoteAnswer, _ declared: RemoteServerDeclaration) throws -> ToolAnswer {
        let mask = declared.settings.mask
        var bytes = answer.structured?.bytes.count ?? 0
        let content: [ToolAnswer.Content] = answer.content.map { block in
            let content: ToolAnswer.Content
            switch block {
            case .text(let text): content = .text(mask.applied(to: text))
            case .image(let data, let type): content = .image(base64: data, type: type)
            case .audio(let data, let type): content = .audio(base64: data, type: type)
            case .link(let uri, let name, _): content = .text(mask.applied(to: "\(name): \(uri)"))
            case .resource(let uri, let type, let text):
                content = .resource(uri: uri, type: type ?? "text/plain", text: mask.applied(to: text))
            case .blob(let uri, let type, _): content = .text("\(uri): \(type ?? "bytes"), left out")
            case .other(let kind): content = .text("a piece of the kind \(kind), left out")
            }
            bytes += content.byteCount
            return content
        }
        guard bytes <= declared.maximumBytes else {
            throw ServiceError(.upstreamFailed, "the server's answer is larger than \(declared.maximumBytes) bytes")
        }
        return ToolAnswer(
            content: content,
            structured: answer.structured.map { RawJSON(mask.applied(to: $0.bytes)) },
            isError: answer.isError,
            isUntrusted: true
        )
    }

    private static func refusal(_ error: RemoteError) -> ServiceError {
        switch error {
        case .timedOut: ServiceError(.deadlineExceeded, "\(error)")
        case .asksForInput: ServiceError(ErrorCode("TOOL_NEEDS_INPUT", 422), "\(error)")
        case .away, .unreachable, .ended, .overloaded, .sessionEnded: ServiceError(.serviceUnavailable, "\(error)")
        default: ServiceError(.upstreamFailed, "\(error)")
        }
    }
}

extension ToolAnswer.Content {
    /// The bytes of what it holds.
    fileprivate var byteCount: Int {
        switch self {
        case .text(let text), .resource(_, _, let text): text.utf8.count
        case .image(let data, _), .audio(let data, _): data.utf8.count
        }
    }
}
