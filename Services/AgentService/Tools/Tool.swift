import Contracts
import JSON
import Kernel
import Store
import Telemetry

/// Something that a model may ask for.
struct Tool: Sendable {
    /// What a call does to the world. What clients are told of a tool follows from it, and so is true.
    enum Effect: String, Sendable {
        /// Nothing: it may be called at any time, any number of times.
        case read
        /// Changes that can be changed back.
        case write
        /// Changes that cannot.
        case irreversible
    }

    /// A name for programs: 1 to 64 letters, digits, `_` and `-`, which all model providers take.
    let name: String
    /// A name for people.
    let title: String
    /// What it does and when to use it, for the model.
    let summary: String
    let input: JSONSchema
    /// The schema as its owner wrote it, where `input` checks less than that.
    var foreignInput: RawJSON?
    /// What its structured answer looks like, where that is promised.
    var output: JSONSchema?
    let effect: Effect
    /// Whether a second call with the same arguments changes nothing more.
    var isIdempotent = false
    /// Whether the same call with the same key may be made again when nobody knows whether it was made.
    var isRepeatable = false
    /// Whether it reaches beyond this system.
    var isOpen = false
    /// What a caller must be allowed to; `nil` for nothing beyond calling tools.
    let scope: Scope?
    /// How long a call may take.
    var timeout = Duration.seconds(30)
    /// Whether its answer names a job, `job_id`, that goes on when the call is over.
    var startsJob = false
    /// Members that replace a call's own once its run has read what comes from outside: what a model writes from then on
    /// may be somebody else's words.
    var afterForeign: RawJSON?
    /// Where it comes from.
    var source = ToolSourceName.own
    var run: @Sendable (ToolCall) async throws -> ToolAnswer

    /// The schema of its arguments, for models.
    var shownInput: RawJSON { foreignInput ?? RawJSON(JSONWriter.bytes(input.write)) }
}

/// A call of a tool with arguments that fit its schema.
struct ToolCall: Sendable {
    let principal: Principal
    let arguments: JSONElement
    let requestID: String
    let trace: TraceContext
    /// The same at every repetition of this call, so that its effect happens once; `nil` for a caller who has none.
    var key: String?
    /// Tells the caller how far it is, if they want to know.
    var progress: @Sendable (ToolProgress) -> Void = { _ in }
    /// Tells the caller what happens, if they want to know.
    var log: @Sendable (Severity, String) -> Void = { _, _ in }
    /// What the caller may be asked.
    var caller = CallerInput()
    /// Lets the caller's connection go, if they can come back for the answer.
    var cutOff: @Sendable () -> Void = {}
}

/// How far a call is.
struct ToolProgress: Sendable {
    let done: Double
    var total: Double?
    var message: String?
}

/// What a tool answers.
struct ToolAnswer: Sendable {
    /// A piece of an answer.
    enum Content: Sendable {
        case text(String)
        case image(base64: String, type: String)
        case audio(base64: String, type: String)
        case resource(uri: String, type: String, text: String)
    }

    var content: [Content]
    /// The same for programs.
    var structured: RawJSON?
    /// Whether it is the story of a failure.
    var isError = false
    /// Whether it was written by somebody outside: data, never an instruction.
    var isUntrusted = false
    /// What it cost, in millionths of a currency's unit, where that is known.
    var cost: Int?

    /// An object as text and for programs.
    static func object(_ json: RawJSON) -> ToolAnswer {
        ToolAnswer(content: [.text(String(decoding: json.bytes, as: UTF8.self))], structured: json)
    }

    static func text(_ text: String) -> ToolAnswer { ToolAnswer(content: [.text(text)]) }

    /// A refusal, in words that help the model to do better.
    static func failure(_ error: ServiceError) -> ToolAnswer {
        let json = JSONWriter.bytes { json in
            json.object { json in
                json.member("error") { json in
                    json.object {
                        $0.member("code", error.code.text)
                        $0.member("message", error.message)
                        $0.member("details", error.details)
                        $0.member("retryable", error.code.isRetryable)
                    }
                }
            }
        }
        return ToolAnswer(content: [.text(String(decoding: json, as: UTF8.self))], isError: true)
    }
}
