import JSON

/// What a provider says of its own or our mistake, in whichever of the usual shapes:
/// `{"error":{"type","code","message"}}`, `{"type":"error","error":{…}}`, `{"error":"…"}`, `[{"error":…}]`.
struct ProviderError: Sendable, Hashable {
    /// The status of the answer, or the one that the error names.
    var status: Int?
    /// The provider's words for the kind of error.
    var words: Set<String> = []
    /// A sentence. May hold anything.
    var text = ""

    /// An error in the middle of an answer.
    init(event json: JSONElement) {
        text = (json.string ?? json.value("message")?.string) ?? ""
        for name in ["type", "code", "status"] {
            if let word = json.value(name)?.string { words.insert(word.lowercased()) }
        }
        status = json.value("code")?.int ?? json.value("status")?.int
    }

    /// The body of an answer that is none.
    init(status: Int, body: [UInt8]) {
        self.init(event: ProviderError.object(in: body))
        self.status = status
    }

    private static func object(in body: [UInt8]) -> JSONElement {
        do {
            let root = try JSONDocument(parsing: body).root
            let object = root.kind == .array ? root.elements.first { _ in true } ?? .null : root
            return object.value("error") ?? object
        } catch {
            // A proxy's page, for example: it tells nothing that the status does not.
            return .null
        }
    }

    /// Which failure it is, and whether the same request may succeed later.
    var kind: (code: ModelFailure.Code, isRetryable: Bool) {
        let status = status ?? 0
        func says(_ known: String...) -> Bool { !words.isDisjoint(with: known) }
        if status == 402 || says("insufficient_quota", "billing_error", "billing_hard_limit_reached") {
            return (.quotaExceeded, false)
        }
        if says("context_length_exceeded", "exceed_context_size_error", "request_too_large") || status == 413 {
            return (.contextExceeded, false)
        }
        if status < 429, !says("rate_limit_error", "rate_limit_exceeded"), tellsOfContext {
            return (.contextExceeded, false)
        }
        if [401, 403].contains(status) || says("authentication_error", "permission_error", "invalid_api_key") {
            return (.unauthenticated, false)
        }
        if status == 429 || says("rate_limit_error", "rate_limit_exceeded", "too_many_requests", "resource_exhausted") {
            return (.rateLimited, true)
        }
        if [503, 529].contains(status) || says("overloaded_error", "server_is_overloaded", "slow_down") {
            return (.overloaded, true)
        }
        if [408, 504].contains(status) || says("timeout_error") { return (.timedOut, true) }
        if status >= 500 || status == 409 || says("api_error", "server_error", "internal_error") {
            return (.failed, true)
        }
        if (300...499).contains(status) || says("invalid_request_error", "not_found_error", "invalid_prompt") {
            return (.requestRefused, false)
        }
        return (.failed, true)
    }

    private var tellsOfContext: Bool {
        let text = text.lowercased()
        return ["context length", "context window", "context size", "prompt is too long", "input is too long"]
            .contains { text.contains($0) }
    }

    /// Our words and the provider's, in one line. Not to be shown before secrets are taken out.
    func message(_ what: String) -> String {
        // Refusals of a key are wont to repeat some of it.
        guard !text.isEmpty, kind.code != .unauthenticated else { return what }
        let line = String(text.map { $0.isNewline || ($0.asciiValue ?? 0x20) < 0x20 ? " " : $0 })
        return "\(what): \(line)"
    }
}

extension ModelFailure {
    /// An error in the middle of an answer.
    init(event json: JSONElement) {
        let error = ProviderError(event: json)
        let kind = error.kind
        self.init(
            kind.code,
            error.message("the provider broke off its answer"),
            isRetryable: kind.isRetryable
        )
    }
}
