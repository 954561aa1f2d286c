import JSON
import Kernel

/// Lets requests ask those who make them, as each era does it. A modern request is answered with what is asked, and comes
/// again with the answers; a legacy one goes on once its client has answered what it was asked on the request's stream.
///
/// ```
///   modern   tools/call ─▶ input_required, requestState ─▶ tools/call, inputResponses, requestState ─┬─▶ the result
///                                  ▲                       (any replica)                             │
///                                  └─────────────────────────────── the tool asks for more ──────────┘
///
///   legacy   tools/call ─▶ elicitation/create ─▶ its answer, by a POST to any replica ─┬─▶ the result
///                                  ▲                                                   │
///                                  └───────────────────── the tool asks for more ──────┘
/// ```
struct MCPAsking: Sendable {
    /// How long a legacy client may take to answer.
    private static let patience = Duration.seconds(600)
    /// How often a legacy call may ask.
    private static let rounds = 10

    let seal: MCPSeal
    let streams: MCPStreams

    /// Answers a request by `body`, which may ask.
    func answer(
        _ request: MCPRequest,
        _ body: (CallerInput) async throws -> RawJSON
    ) async throws -> RawJSON {
        try await request.isModern ? modern(request, body) : legacy(request, body)
    }

    // MARK: - The modern era

    private func modern(
        _ request: MCPRequest,
        _ body: (CallerInput) async throws -> RawJSON
    ) async throws -> RawJSON {
        var state = try state(of: request)
        let key = state.answers.isEmpty ? nil : "mcp:\(state.call)"
        do {
            return try await body(CallerInput(kinds: request.kinds, answers: state.answers, key: key))
        } catch let required as InputRequired {
            try MCPAsking.check(required, request)
            state.asked = required.requests.keys.sorted()
            let sealed = try seal.seal(state, for: request)
            return MCPResults(isModern: true)
                .plain(type: "input_required") { json in
                    json.member("inputRequests") { json in
                        json.object { json in
                            for (name, asked) in required.requests.sorted(by: { $0.key < $1.key }) {
                                json.member(name) { json in
                                    json.object {
                                        $0.member("method", asked.method)
                                        $0.member("params", asked.parameters)
                                    }
                                }
                            }
                        }
                    }
                    json.member("requestState", sealed)
                }
        }
    }

    /// What is known of a call: all from its first rounds and what comes with this one.
    private func state(of request: MCPRequest) throws -> MCPRequestState {
        let given = request.parameters.value("inputResponses")
        guard given.map({ $0.kind == .object }) ?? true else {
            throw MCPError.parameters("inputResponses must be an object")
        }
        guard let sealed = request.parameters.value("requestState") else {
            // Answers without a state are answers to nothing: what is needed is asked.
            return MCPRequestState(call: IdentifierSource().uuid(), asked: [], answers: [:])
        }
        guard let sealed = sealed.string else { throw MCPError.parameters("requestState must be a text") }
        var state = try seal.open(sealed, for: request)
        state.take(given)
        return state
    }

    // MARK: - The legacy era

    private func legacy(
        _ request: MCPRequest,
        _ body: (CallerInput) async throws -> RawJSON
    ) async throws -> RawJSON {
        var caller = CallerInput(kinds: request.kinds)
        for _ in 0..<MCPAsking.rounds {
            do {
                return try await body(caller)
            } catch let required as InputRequired {
                try MCPAsking.check(required, request)
                caller.key = caller.key ?? "mcp:\(request.outbox.stream)"
                caller.answers.merge(try await ask(required.requests, request)) { $1 }
            }
        }
        throw MCPError.parameters("the call asks for more and more; nothing was done")
    }

    private func ask(_ requests: [String: InputRequest], _ request: MCPRequest) async throws -> [String: JSONElement] {
        var questions: [String: MCPEventID] = [:]
        for (name, asked) in requests.sorted(by: { $0.key < $1.key }) { questions[name] = request.outbox.ask(asked) }
        let answers = try await streams.answers(
            to: Array(questions.values),
            on: request.outbox.stream,
            atMost: MCPAsking.patience
        )
        return try questions.mapValues { question in
            let answer = answers[question.number]
            if let result = answer?["result"] { return result }
            let reason = answer?["error"]?["message"]?.string ?? "it does not say why"
            throw MCPError(code: -32603, message: "the client could not be asked: \(reason.prefix(200))")
        }
    }

    /// Nobody is asked for what they have not declared.
    private static func check(_ required: InputRequired, _ request: MCPRequest) throws {
        let missing = Set(required.requests.values.map(\.kind)).subtracting(request.kinds)
        guard missing.isEmpty else {
            throw MCPError.capabilities(InputRequest.Kind.declaration(of: missing), isModern: request.isModern)
        }
    }
}
