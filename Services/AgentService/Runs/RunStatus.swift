/// What a run is doing.
///
/// ```
///              claimed               nothing to do but to wait
///   queued ─────────────▶ running ────────────────────────────▶ waiting
///                         ▲  │  ▲                                  │
///     lease of a dead one └──┘  └───── job, approval, child, time ─┘
///                            │
///                            ├──▶ completed   an answer, also a short one at a limit
///                            ├──▶ failed      a named error
///                            └──▶ cancelled   somebody wished it
/// ```
enum RunStatus: String, Sendable, CaseIterable {
    case queued, running, waiting, completed, failed, cancelled

    var isFinal: Bool { self == .completed || self == .failed || self == .cancelled }
}

/// What a waiting run waits for.
enum RunWait: String, Sendable {
    /// A job that a tool started.
    case job
    /// Somebody's decision about a call.
    case approval
    /// Runs that this one started.
    case child
    /// The time to try a model again.
    case retry
}

/// What a run may use up. At a limit the model is asked once more, without tools, for what it can say.
enum RunLimit: String, Sendable, CaseIterable {
    case turns
    case toolCalls = "tool_calls"
    case tokens
    case cost
    case wallTime = "wall_time"
    /// The answer itself was cut off.
    case answer
}
