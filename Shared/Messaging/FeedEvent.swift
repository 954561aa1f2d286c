public import Contracts
import JSON
public import Kernel

/// An event as a feed hands it on: the facts that say whom it concerns, and its wire form.
public struct FeedEvent: Sendable {
    /// Where it stands.
    public let position: Position
    /// The event published before it.
    public let previous: Position
    /// What it reports; a routing key.
    public let type: String
    /// Its id, the same at every repetition.
    public let id: String
    /// The job it is about, if it is about one.
    public let job: JobID?
    /// The run it is about, if it is about one.
    public let run: RunID?
    /// The thread it is about or belongs to.
    public let thread: ThreadID?
    /// Which change of its subject.
    public let seq: Int
    /// The card it belongs to.
    public let card: CardID?
    /// The project it belongs to.
    public let project: ProjectID?
    /// The queue of the job.
    public let queue: String?
    /// The job's status.
    public let status: JobStatus?
    /// When it was written.
    public let at: Timestamp?
    /// The whole event as JSON, with its positions.
    public let wire: [UInt8]
    /// When it came by where.
    public let passage: EventPassage

    /// Whether the job will never change again.
    public var isFinal: Bool { type == EventType.jobStatusUpdated.rawValue && status?.isFinal == true }

    /// Everyone who may watch for it.
    public var contexts: [ContextID] {
        var contexts: [ContextID] = [.all]
        if let job { contexts.append(.job(job)) }
        if let card { contexts.append(.card(card)) }
        if let run { contexts.append(.run(run)) }
        if let thread { contexts.append(.thread(thread)) }
        if let project { contexts.append(.project(project)) }
        if let queue { contexts.append(.queue(queue)) }
        return contexts
    }

    /// Reads the wire form; `nil` when it is not an event of ours. The times are those of its way here, where known.
    public init?(wire: [UInt8], stored: Timestamp? = nil, published: Timestamp? = nil) {
        let root: JSONElement
        do {
            root = try JSONDocument(parsing: wire).root
        } catch {
            return nil
        }
        guard let position = root["position"]?.string.flatMap({ Position($0) }),
            let previous = root["prev_position"]?.string.flatMap({ Position($0) }),
            let type = root["type"]?.string, let id = root["event_id"]?.string
        else { return nil }
        self.position = position
        self.previous = previous
        self.type = type
        self.id = id
        self.wire = wire
        job = root["job_id"]?.string.flatMap { JobID($0) }
        run = root["run_id"]?.string.flatMap { RunID($0) }
        thread = root["thread_id"]?.string.flatMap { ThreadID($0) }
        seq = root["seq"]?.int ?? 0
        card = root["card_id"]?.string.flatMap { CardID($0) }
        project = root["project_id"]?.string.flatMap { ProjectID($0) }
        queue = root["queue"]?.string
        let at = root["timestamp"]?.string.flatMap { Timestamp($0) }
        self.at = at
        passage = EventPassage(stored: stored ?? at, published: published)
        status = root["status"]?.string.flatMap(JobStatus.init(rawValue:))
    }
}
