/// How large an answer may become.
struct AnswerLimits: Sendable, Hashable {
    /// All bytes of it, as they come over the wire.
    var bytes = 8 << 20
    /// One event of it.
    var eventBytes = 1 << 20
    /// Calls of tools.
    var toolCalls = 128
    /// The arguments of one call.
    var argumentBytes = 1 << 20
}

extension ModelFailure {
    /// What exceeds a limit of ours, and would again.
    static func tooLarge(_ what: String) -> ModelFailure {
        ModelFailure(.answerTooLarge, "the answer has \(what)", isRetryable: false)
    }

    /// What no provider that speaks the wire would send.
    static func invalid(_ what: String) -> ModelFailure {
        ModelFailure(.answerInvalid, "the answer \(what)", isRetryable: false)
    }

    /// What ended before its end.
    static func broken(_ what: String) -> ModelFailure { ModelFailure(.streamBroken, what, isRetryable: true) }
}
