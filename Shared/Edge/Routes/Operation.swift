public import Contracts
public import HTTPServer
public import JSON

/// The declaration of a route: what is checked before its handler runs, and what OpenAPI says of it.
public struct Operation: Sendable {
    /// What a route takes as its body.
    public enum Body: Sendable {
        /// Nothing, for which an empty object may stand.
        case none
        /// JSON of this shape, at most so many bytes. A POST that may be sent an empty object may be sent nothing.
        case json(JSONSchema, atMost: Int = 1 << 20)
        /// Bytes of any type as they come, at most so many.
        case stream(atMost: Int)
    }

    let method: HTTPServer.Method
    let pattern: String
    let summary: String
    let scope: Scope?
    let query: [QueryField]
    let body: Body
    /// Whether no body says what an empty object says.
    let mayOmitBody: Bool
    let success: Int
    let answer: JSONSchema
    let answersJSON: Bool
    let endsWithClient: Bool

    /// Declares a route. Without a `scope` anybody may call it. With `endsWithClient` its handler is cancelled as soon
    /// as the client is gone.
    public init(
        _ method: HTTPServer.Method,
        _ pattern: String,
        _ summary: String,
        scope: Scope?,
        query: [QueryField] = [],
        body: Body = .none,
        success: Int = 200,
        answer: JSONSchema = .anyObject,
        answersJSON: Bool = true,
        endsWithClient: Bool = false
    ) {
        self.method = method
        self.pattern = pattern
        self.summary = summary
        self.scope = scope
        self.query = query
        self.body = body
        mayOmitBody =
            switch body {
            case .none: true
            case .json(let schema, _): method == .post && schema.issues(in: .emptyObject).isEmpty
            case .stream: false
            }
        self.success = success
        self.answer = answer
        self.answersJSON = answersJSON
        self.endsWithClient = endsWithClient
    }
}

extension Operation.Body {
    /// What JSON that is sent must look like; `nil` where it need not be JSON.
    var schema: JSONSchema? {
        switch self {
        case .none: .object([])
        case .json(let schema, _): schema
        case .stream: nil
        }
    }

    /// How much of it is read.
    var policy: BodyPolicy {
        switch self {
        case .none: .buffered(atMost: 1 << 10)
        case .json(_, let limit): .buffered(atMost: limit)
        case .stream(let limit): .streamed(atMost: limit)
        }
    }
}
