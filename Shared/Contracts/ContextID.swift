public import Kernel

/// What a subscriber watches.
public enum ContextID: Hashable, Sendable, LosslessStringConvertible {
    case card(CardID)
    case job(JobID)
    case project(ProjectID)
    case queue(String)
    case thread(ThreadID)
    case run(RunID)
    case all

    /// Parses `card:…`, `job:…`, `project:…`, `queue:…`, `thread:…`, `run:…` and `all`; a bare id is a card's.
    public init?(_ text: String) {
        if text == "all" {
            self = .all
            return
        }
        let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2 else {
            guard let card = CardID(text) else { return nil }
            self = .card(card)
            return
        }
        let id = String(parts[1])
        switch parts[0] {
        case "card":
            guard let card = CardID(id) else { return nil }
            self = .card(card)
        case "job":
            guard let job = JobID(id) else { return nil }
            self = .job(job)
        case "project":
            guard let project = ProjectID(id) else { return nil }
            self = .project(project)
        case "queue":
            guard QueueName.isValid(id) else { return nil }
            self = .queue(id)
        case "thread":
            guard let thread = ThreadID(id) else { return nil }
            self = .thread(thread)
        case "run":
            guard let run = RunID(id) else { return nil }
            self = .run(run)
        default: return nil
        }
    }

    /// The canonical form; a card's is its bare id.
    public var description: String {
        switch self {
        case .card(let id): id.description
        case .job(let id): "job:\(id)"
        case .project(let id): "project:\(id)"
        case .queue(let name): "queue:\(name)"
        case .thread(let id): "thread:\(id)"
        case .run(let id): "run:\(id)"
        case .all: "all"
        }
    }
}

/// Names of queues and kinds.
public enum QueueName {
    /// What `isValid` accepts, as a regular expression.
    public static let pattern = "^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$"

    /// Whether a text may name a queue or a kind: 1 to 100 letters, digits, dots, dashes and underscores.
    public static func isValid(_ text: String) -> Bool {
        guard (1...100).contains(text.utf8.count), let first = text.utf8.first else { return false }
        func isAlphanumeric(_ byte: UInt8) -> Bool {
            (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20)
                || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
        }
        return isAlphanumeric(first) && text.utf8.allSatisfy { isAlphanumeric($0) || "._-".utf8.contains($0) }
    }
}
