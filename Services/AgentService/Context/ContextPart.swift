import Kernel

/// Something that a model could be told: what it is and where it comes from, what it costs and what it is worth, and
/// why it is left out if it is.
struct ContextPart: Sendable, Equatable {
    /// What it is.
    enum Kind: String, Sendable, CaseIterable {
        case instructions
        case toolSchema = "tool_schema"
        case project
        case note = "memory_note"
        case activity, card, asset, job, message
    }

    /// Why it is left out.
    enum Omission: String, Sendable, CaseIterable {
        /// What was worth more took the room.
        case overBudget = "over_budget"
        /// There are newer ones of its kind, as many as are looked at.
        case olderThanLimit = "older_than_limit"
        /// A note that another note replaces.
        case superseded
        /// A note that was valid until a moment that is over.
        case expired
        /// A note that came out of a tool and that nobody has approved.
        case quarantined
    }

    let kind: Kind
    /// The row's id, or the name of what is no row.
    let id: String
    /// The row's version, or the number of a job's last event.
    var version: Int?
    /// When it last changed.
    var at: Timestamp?
    /// What it costs.
    let tokens: Int
    /// What it is worth: more is told before less.
    var score = 0
    /// Why it is left out; `nil` for what is told.
    var omission: Omission?
}
