import JSON

/// What a call may ask its caller, and what was answered so far.
///
/// A call that needs what was not answered yet ends with `InputRequired`, and is made again from its beginning when the
/// answer is there. So nothing is held while a person thinks, any replica can go on, and a tool that asks is written as
/// if it were answered at once: let it ask before it acts.
struct CallerInput: Sendable {
    /// What the caller can be asked for.
    var kinds: Set<InputRequest.Kind> = []
    /// By the names of the questions.
    var answers: [String: JSONElement] = [:]
    /// The same each time the call is made; `nil` before anything was asked.
    var key: String?

    /// The answers to some questions, once they are all there.
    ///
    /// - Throws: `InputRequired` for those that are missing, `ServiceError` for an answer that does not fit.
    func ask(_ requests: [String: InputRequest]) throws -> [String: JSONElement] {
        for (name, request) in requests {
            if let answer = answers[name] { try request.check(answer, called: name) }
        }
        let missing = requests.filter { answers[$0.key] == nil }
        guard missing.isEmpty else { throw InputRequired(requests: missing) }
        return answers.filter { requests[$0.key] != nil }
    }

    /// The answer to one question; see `ask(_:)`.
    func ask(_ name: String, _ request: InputRequest) throws -> JSONElement {
        try ask([name: request])[name] ?? .null
    }

    /// What a person has filled in; `nil` when they would not.
    func fill(_ name: String, _ message: String, schema: RawJSON) throws -> JSONElement? {
        let answer = try ask(name, .form(message, schema: schema))
        return answer["action"]?.string == "accept" ? answer["content"] ?? .null : nil
    }
}
