public import Kernel

/// A finished piece of work in a trace.
public struct Span: Sendable {
    /// Which side of a conversation the work was.
    public enum Kind: Int, Sendable {
        case `internal` = 1
        case server = 2
        case client = 3
        case producer = 4
        case consumer = 5
    }

    /// Trace and own id.
    public let context: TraceContext
    /// The span it is part of; `nil` at the root.
    public let parent: UInt64?
    /// What was done, without values.
    public let name: String
    /// Which side it was.
    public let kind: Kind
    /// When it began.
    public let start: Timestamp
    /// When it ended.
    public let end: Timestamp
    /// Facts by name, in OpenTelemetry's words.
    public let attributes: [(name: String, value: String)]
    /// Why it failed, if it did.
    public let failure: String?

    /// A finished span.
    public init(
        context: TraceContext,
        parent: UInt64?,
        name: String,
        kind: Kind,
        start: Timestamp,
        end: Timestamp,
        attributes: [(name: String, value: String)] = [],
        failure: String? = nil
    ) {
        self.context = context
        self.parent = parent
        self.name = name
        self.kind = kind
        self.start = start
        self.end = end
        self.attributes = attributes
        self.failure = failure
    }
}
