import Contracts
import JSON

/// A type of message of the WebSocket. What is sent and what the description lists are these, all of them.
protocol MessageType: CaseIterable, Sendable, RawRepresentable where RawValue == String {
    /// What it says, for readers.
    var summary: String { get }
    /// Its members beside `type`.
    var members: [JSONSchema.Property] { get }
    /// Whether there may be more members than these.
    var allowsMore: Bool { get }
}

extension MessageType {
    /// What a message of the type looks like.
    var schema: JSONSchema {
        .object(
            [.required("type", .word([rawValue]))] + members,
            additional: allowsMore ? .allowed : .forbidden
        )
    }
}

/// What the service says.
enum ServerMessageType: String, MessageType {
    case authenticated, subscribed, unsubscribed, snapshot
    case jobUpdate = "job_update"
    case event, skip, pong
    case authExpiring = "auth_expiring"
    case drain, error

    /// New members may come, new types too: clients ignore what they do not know. The test against real frames does not.
    var allowsMore: Bool { false }

    var summary: String {
        switch self {
        case .authenticated: "The token was taken. Comes again when a new one was."
        case .subscribed: "The context is watched. Without a cursor, the snapshot that follows has it."
        case .unsubscribed: "The context is not watched any more."
        case .snapshot:
            "How all jobs of the context stand, in pages; it replaces what was known. Only the last has the cursor."
        case .jobUpdate: "An event of a job."
        case .event: "An event that is not a job's."
        case .skip: "Events of a job that are left out, because what comes next says more."
        case .pong: "The answer to a ping."
        case .authExpiring: "The token ends soon: send auth."
        case .drain: "The node goes away: come back after a while, with these cursors."
        case .error: "Something was refused."
        }
    }

    var members: [JSONSchema.Property] {
        switch self {
        case .authenticated:
            [.required("connection", Wire.short), .required("expires_at", .dateTime.nullable)]
        case .subscribed:
            [
                .optional("id", Wire.id), .required("context_id", Wire.context), .required("recovered", .boolean),
                .optional("cursor", Wire.cursor),
            ]
        case .unsubscribed: [.optional("id", Wire.id), .required("context_id", Wire.context)]
        case .snapshot:
            [
                .required("context_id", Wire.context), .optional("cursor", Wire.cursor),
                .required("reason", .word(Snapshot.Reason.allCases.map(\.rawValue))),
                .required("jobs", .array(of: Wire.job)), .required("last", .boolean),
                .optional("truncated", .boolean.described("only the newest 10,000 jobs are in it")),
            ]
        case .jobUpdate:
            [
                .required("context_id", Wire.context), .required("cursor", Wire.cursor),
                .required("data", Wire.jobEvent),
            ]
        case .event:
            [.required("context_id", Wire.context), .required("cursor", Wire.cursor), .required("data", Wire.event)]
        case .skip:
            [
                .required("context_id", Wire.context), .required("job_id", .uuid), .required("from", Wire.seq),
                .required("to", Wire.seq), .required("reason", Wire.short),
            ]
        case .pong: [.optional("t", .any), .required("server_time", .dateTime)]
        case .authExpiring: [.required("in_s", .integer(0...86_400))]
        case .drain:
            [
                .required("reconnect_after_ms", Wire.wait), .required("deadline_ms", Wire.wait),
                .required("cursors", Wire.cursors),
            ]
        case .error:
            [
                .optional("id", Wire.id), .optional("context_id", Wire.context), .required("code", Wire.short),
                .required("message", .string(1...2000)), .required("retryable", .boolean),
                .required("action", Wire.short), .optional("cursors", Wire.cursors),
            ]
        }
    }
}

/// What a client says.
enum ClientMessageType: String, MessageType {
    case hello, auth, subscribe, unsubscribe, ping

    var allowsMore: Bool { true }

    var summary: String {
        switch self {
        case .hello: "Brings the token, as the first message, unless it came in the header or by a ticket."
        case .auth: "Brings a new token of the same owner, before the old one ends."
        case .subscribe: "Watches contexts, each from its cursor on, or anew."
        case .unsubscribe: "Watches contexts no more."
        case .ping: "Asks for a pong."
        }
    }

    var members: [JSONSchema.Property] {
        switch self {
        case .hello: [.required("token", Wire.token)]
        case .auth: [.optional("id", Wire.id), .required("token", Wire.token)]
        case .subscribe:
            [
                .optional("id", Wire.id), .required("contexts", .array(of: Wire.wish, 1...256)),
                .optional("snapshot", .boolean.defaulting(to: true).described("false: no snapshot without a cursor")),
                .optional("mode", .word(["all", "latest"]).defaulting(to: "all")),
            ]
        case .unsubscribe: [.optional("id", Wire.id), .optional("contexts", .array(of: Wire.context, 0...256))]
        case .ping: [.optional("t", .any)]
        }
    }

    /// Messages as they may be sent, for the description; a test sends them all.
    var examples: [String] {
        switch self {
        case .hello: [#"{"type":"hello","token":"mk_…"}"#]
        case .auth: [#"{"type":"auth","token":"eyJ…"}"#, #"{"type":"auth","id":"7","token":"eyJ…"}"#]
        case .subscribe:
            [
                #"{"type":"subscribe","id":"1","contexts":[{"context_id":"0195e7a2-0000-7000-8000-000000000001"}]}"#,
                #"{"type":"subscribe","contexts":[{"context_id":"queue:default","cursor":"1f0c2a9b.1841.99"}]}"#,
                #"{"type":"subscribe","id":"2","contexts":[{"context_id":"all"}],"snapshot":false,"mode":"latest"}"#,
            ]
        case .unsubscribe: [#"{"type":"unsubscribe","id":"3","contexts":["queue:default"]}"#]
        case .ping: [#"{"type":"ping","t":1}"#, #"{"type":"ping"}"#]
        }
    }
}

/// Parts of messages.
private enum Wire {
    static let short = JSONSchema.string(1...100)
    static let id = JSONSchema.string(0...128).described("what the client called its message")
    static let token = JSONSchema.string(1...8192)
    static let context = JSONSchema.string(1...150)
        .described("a card's id, card:… job:… project:… queue:… thread:… run:…, or all")
    static let cursor = JSONSchema.string(1...64).described("a place in the event log; send it back as it came")
    static let seq = JSONSchema.integer(1...2_147_483_647)
    static let wait = JSONSchema.integer(0...86_400_000)
    static let cursors = JSONSchema.object([], additional: .matching([cursor])).described("by context")
    static let wish = JSONSchema.object(
        [.required("context_id", context), .optional("cursor", cursor)],
        additional: .allowed
    )

    private static let status = JSONSchema.word(JobStatus.allCases.map(\.rawValue))
    private static let owners: [JSONSchema.Property] = [
        .optional("card_id", .uuid), .optional("activity_id", .uuid), .optional("project_id", .uuid),
    ]
    private static let work: [JSONSchema.Property] = [
        .required("job_id", .uuid), .required("seq", seq), .required("status", status), .required("phase", short),
        .required("queue", short), .required("kind", short), .required("attempt", .integer(0...1_000_000)),
    ]
    private static let progress = JSONSchema.object([
        .optional("fraction", .number(0...1)), .optional("message", .string()),
    ])
    private static let place: [JSONSchema.Property] = [
        .required("event_id", .string(1...200)), .required("type", short), .required("position", cursor),
        .required("prev_position", cursor),
    ]

    static let job = JSONSchema.object(
        work + owners + [
            .optional("max_attempts", .integer(1...1_000_000)), .optional("progress", progress),
            .optional("result_url", .string()), .optional("error_code", .string()),
            .optional("error_message", .string()), .required("created_at", .dateTime),
            .optional("started_at", .dateTime), .optional("completed_at", .dateTime),
        ]
    )
    /// The body of `job.status.updated` and `job.progress.updated`, as on the broker.
    static let jobEvent = JSONSchema.object(
        place + work + owners + [
            .optional("result_url", .string()),
            .optional("error", .object([.required("code", .string()), .optional("message", .string())])),
            .optional("progress", progress), .required("timestamp", .dateTime),
        ]
    )
    /// The body of any other event.
    static let event = JSONSchema.object(place, additional: .allowed)
}
