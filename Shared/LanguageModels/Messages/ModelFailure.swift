/// Why there is no answer.
public struct ModelFailure: Error, Sendable, Hashable, CustomStringConvertible {
    /// The kinds of failures.
    public enum Code: String, Sendable, Hashable, CaseIterable {
        /// No connection.
        case unreachable = "MODEL_UNREACHABLE"
        /// A time limit passed.
        case timedOut = "MODEL_TIMED_OUT"
        /// Too many requests or tokens.
        case rateLimited = "MODEL_RATE_LIMITED"
        /// The provider has too much to do.
        case overloaded = "MODEL_OVERLOADED"
        /// The account has nothing left to spend. Trying again never helps.
        case quotaExceeded = "MODEL_QUOTA_EXCEEDED"
        /// The conversation does not fit into the model's context.
        case contextExceeded = "MODEL_CONTEXT_EXCEEDED"
        /// The provider does not take the request.
        case requestRefused = "MODEL_REQUEST_REFUSED"
        /// The provider does not take the key.
        case unauthenticated = "MODEL_UNAUTHENTICATED"
        /// The answer is not what the wire says an answer is.
        case answerInvalid = "MODEL_ANSWER_INVALID"
        /// The answer ended before its end.
        case streamBroken = "MODEL_STREAM_BROKEN"
        /// The answer exceeds a limit.
        case answerTooLarge = "MODEL_ANSWER_TOO_LARGE"
        /// The provider failed.
        case failed = "MODEL_FAILED"
    }

    /// Which kind.
    public var code: Code
    /// What happened; safe to show, as it holds neither keys nor anything of the conversation.
    public var message: String
    /// Whether the same request may succeed later.
    public var isRetryable: Bool
    /// How long the provider asks to be left alone.
    public var retryAfter: Duration?
    /// The provider's id of the request, to ask it about.
    public var requestID: String?
    /// Whether pieces of the answer have been given out.
    public var hasStreamed: Bool

    /// A failure.
    public init(
        _ code: Code,
        _ message: String,
        isRetryable: Bool,
        retryAfter: Duration? = nil,
        requestID: String? = nil,
        hasStreamed: Bool = false
    ) {
        self.code = code
        self.message = message
        self.isRetryable = isRetryable
        self.retryAfter = retryAfter
        self.requestID = requestID
        self.hasStreamed = hasStreamed
    }

    /// Code and message.
    public var description: String { "\(code.rawValue): \(message)" }
}
