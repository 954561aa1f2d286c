import Concurrency
import Contracts
import HTTPClient
import JSON
import Kernel
import Telemetry

/// Tools that are requests to services of others.
struct HTTPTools: Sendable {
    private static let attempts = 3

    /// All of them.
    let tools: [Tool]

    init(_ declarations: [HTTPToolDeclaration], logger: Logger, metrics: Metrics) {
        var clients: [AddressGuard: Client] = [:]
        for addresses in Set(declarations.map(\.addresses)) {
            let settings = ClientSettings(
                name: addresses == .any ? "private tools" : "tools",
                maximumResponseBytes: ToolsFile.maximumAnswer,
                maximumTransfers: 200,
                addressGuard: addresses
            )
            clients[addresses] = Client(settings, logger: logger, metrics: metrics)
        }
        tools = declarations.compactMap { declared in clients[declared.addresses].map { HTTPTools.tool(declared, $0) } }
    }

    private static func tool(_ declared: HTTPToolDeclaration, _ client: Client) -> Tool {
        Tool(
            name: declared.name,
            title: declared.title,
            summary: declared.summary,
            input: declared.input,
            foreignInput: declared.shownInput,
            effect: declared.effect,
            isIdempotent: declared.isIdempotent,
            isRepeatable: declared.isRepeatable,
            isOpen: true,
            scope: declared.scope,
            // The request's own limit comes first, and tells more.
            timeout: declared.timeout + .seconds(1),
            source: ToolSourceName.http
        ) { call in
            try await run(declared, call, client)
        }
    }

    private static func run(
        _ declared: HTTPToolDeclaration,
        _ call: ToolCall,
        _ client: Client
    ) async throws -> ToolAnswer {
        let request = try request(declared, call)
        let response: ClientResponse
        do {
            // All attempts together have the time of the call.
            response = try await withDeadline(declared.timeout, for: "the service") { try await client.send(request) }
        } catch let error as ClientError {
            throw refusal(error)
        } catch is DeadlineExceeded {
            throw ServiceError(.deadlineExceeded, "the service did not answer in time")
        }
        guard response.body.count <= declared.maximumBytes else {
            throw ServiceError(.upstreamFailed, "the service's answer is larger than \(declared.maximumBytes) bytes")
        }
        return try answer(declared, response)
    }

    private static func request(_ declared: HTTPToolDeclaration, _ call: ToolCall) throws -> ClientRequest {
        var values: [String: JSONElement] = [:]
        for member in call.arguments.members where !member.value.isNull { values[member.name] = member.value }
        let key = call.key ?? IdentifierSource().uuid().description
        guard var request = try declared.request.request(values, extra: [("Idempotency-Key", key)]) else {
            let missing = declared.places.filter { values[$0].flatMap(RequestTemplate.text) == nil }
            throw ServiceError.invalid(missing.map { JSONIssue(pointer: "/\($0)", message: "is missing") })
        }
        if declared.sendsArguments {
            let body = JSONWriter.bytes { json in
                json.object { json in
                    for member in call.arguments.members where !declared.places.contains(member.name) {
                        json.member(member.name, member.value)
                    }
                }
            }
            request.body = .bytes(body)
            request.headers.append(("Content-Type", "application/json"))
        }
        // A key that nobody looks at makes nothing safe.
        request.mayRepeat = declared.isRepeatable
        request.retry = declared.isRepeatable ? .safe(attempts: attempts, longestWait: .seconds(5)) : .none
        request.timeouts = ClientRequest.Timeouts(connect: .seconds(5), total: declared.timeout)
        request.trace = call.trace
        return request
    }

    private static func answer(_ declared: HTTPToolDeclaration, _ response: ClientResponse) throws -> ToolAnswer {
        let body = declared.mask.applied(to: response.body)
        let type = (response.headers["Content-Type"] ?? "").prefix { $0 != ";" && $0 != " " }.lowercased()
        let isJSON = type == "application/json" || type.hasSuffix("+json")
        guard (200...299).contains(response.status) else {
            let words = isJSON || type.hasPrefix("text/") ? String(decoding: body.prefix(2_000), as: UTF8.self) : ""
            return ToolAnswer(
                content: [.text("the service answers with status \(response.status)\n\(words)")],
                isError: true,
                isUntrusted: true,
                cost: declared.cost
            )
        }
        var answer = ToolAnswer(content: [], isUntrusted: true, cost: declared.cost)
        if isJSON {
            do {
                answer.structured = try JSONDocument(parsing: body).root.raw
            } catch {
                throw ServiceError(.upstreamFailed, "the service's answer is not the JSON that it says it is")
            }
        } else if !body.isEmpty, !type.hasPrefix("text/") {
            throw ServiceError(.upstreamFailed, "the service's answer is neither JSON nor text")
        }
        answer.content = [.text(String(decoding: body, as: UTF8.self))]
        return answer
    }

    private static func refusal(_ error: ClientError) -> ServiceError {
        switch error {
        case .timedOut: ServiceError(.deadlineExceeded, "the service did not answer in time")
        case .couldNotConnect, .couldNotResolve, .overloaded, .shutDown:
            ServiceError(.serviceUnavailable, "\(error)")
        default: ServiceError(.upstreamFailed, "\(error)")
        }
    }
}
