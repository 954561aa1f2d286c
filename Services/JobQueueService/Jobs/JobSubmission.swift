import Contracts
import JSON
import Kernel

/// A job that somebody asks for, checked and with its defaults filled in.
struct JobSubmission: Sendable {
    var cardID: CardID?
    /// Set for callers who may see one project only.
    var projectID: ProjectID?
    var kind = "generate"
    var queue = "default"
    var params = RawJSON.emptyObject
    var metadata = RawJSON.emptyObject
    var tags: [String] = []
    var priority = 0
    var start = Start.now
    var maxAttempts = 3
    var timeout = Duration.seconds(600)
    var deadlineAt: Timestamp?
    var callbackURL: String?
    var retryOf: JobID?
    var unique: UniqueRule?
    /// Jobs that must have ended before.
    var dependsOn: [JobID] = []
    var onParentFailure = ParentFailure.fail
    /// Jobs of one key run one after the other, in the order in which they came.
    var orderingKey: String?
    /// Jobs of one key run so many at once as the queue says, one unless it says otherwise.
    var concurrencyKey: String?
    /// The label of what it needs from outside, whose retries are bounded together.
    var dependency: String?
    /// Where it stands in the request, for the pointers of what is wrong with it.
    var pointer = ""
    /// What only several fields together show to be wrong, with pointers from the submission.
    private(set) var issues: [JSONIssue] = []

    /// What becomes of a job when one that it depends on does not complete.
    enum ParentFailure: String, Sendable, CaseIterable {
        /// It fails too.
        case fail
        /// It is cancelled.
        case skip
        /// It runs all the same, once all have ended.
        case run
    }

    /// When the job may run first.
    enum Start: Sendable {
        case now
        case at(Timestamp)
        case after(Duration)
    }

    func runAt(_ now: Timestamp) -> Timestamp {
        switch start {
        case .now: now
        case .at(let time): time
        case .after(let delay): now + delay
        }
    }

    /// The body of `POST /api/jobs`.
    static let schema = JSONSchema.object([
        .required("params", .anyObject.described("input of the kind; checked against the kind's own schema")),
        .optional("card_id", .uuid.described("the card that the job is for")),
        .optional("kind", .name.defaulting(to: "generate")),
        .optional("queue", .name.defaulting(to: "default")),
        .optional("priority", .integer(-1000...1000).defaulting(to: 0).described("higher runs first")),
        .optional("run_at", .dateTime.described("not before this time")),
        .optional("delay_ms", .integer(0...31_536_000_000).described("not before so many milliseconds have passed")),
        .optional("max_attempts", .integer(1...100).defaulting(to: 3)),
        .optional("timeout_ms", .integer(100...86_400_000).defaulting(to: 600_000).described("for each attempt")),
        .optional("deadline_at", .dateTime.described("the job expires when it is not done by then")),
        .optional("depends_on", .array(of: .uuid, 0...100).described("runs after these jobs have completed")),
        .optional(
            "on_parent_failure",
            .word(ParentFailure.allCases.map(\.rawValue)).defaulting(to: "fail")
                .described("when one of depends_on does not complete")
        ),
        .optional("ordering_key", .string(1...200).described("jobs of a key run in their order, one at a time")),
        .optional("concurrency_key", .string(1...200).described("so many of a key run at once as the queue allows")),
        .optional("dependency", .name.described("what it needs from outside: retries are bounded per such label")),
        .optional("unique", UniqueRule.schema.described("one such job at a time")),
        .optional("tags", .array(of: .string(1...100), 0...20)),
        .optional("callback_url", .string(1...2000, format: .uri).described("called with the final event, signed")),
        .optional("metadata", .anyObject.described("kept and returned, never interpreted")),
    ])

    /// Reads a body that fits the schema.
    init(_ body: JSONElement, at pointer: String = "", project: ProjectID? = nil) {
        self.pointer = pointer
        projectID = project
        cardID = body.value("card_id")?.string.flatMap { CardID($0) }
        kind = body.value("kind")?.string ?? kind
        queue = body.value("queue")?.string ?? queue
        params = body["params"]?.raw ?? params
        metadata = body.value("metadata")?.raw ?? metadata
        tags = body.value("tags")?.elements.compactMap(\.string) ?? tags
        priority = body.value("priority")?.int ?? priority
        maxAttempts = body.value("max_attempts")?.int ?? maxAttempts
        timeout = body.value("timeout_ms")?.int.map { .milliseconds($0) } ?? timeout
        deadlineAt = body.value("deadline_at")?.string.flatMap { Timestamp($0) }
        callbackURL = body.value("callback_url")?.string
        for id in body.value("depends_on")?.elements.compactMap({ $0.string.flatMap { JobID($0) } }) ?? []
        where !dependsOn.contains(id) {
            dependsOn.append(id)
        }
        onParentFailure = body.value("on_parent_failure")?.string.flatMap(ParentFailure.init) ?? onParentFailure
        orderingKey = body.value("ordering_key")?.string
        concurrencyKey = body.value("concurrency_key")?.string
        dependency = body.value("dependency")?.string
        unique = body.value("unique").map { UniqueRule($0) }
        let time = body.value("run_at")?.string.flatMap { Timestamp($0) }
        let delay = body.value("delay_ms")?.int
        if time != nil, delay != nil {
            issues.append(JSONIssue(pointer: "/delay_ms", message: "does not go together with run_at"))
        }
        if let time { start = .at(time) }
        if let delay, delay > 0 { start = .after(.milliseconds(delay)) }
        if let callbackURL, !callbackURL.hasPrefix("http://"), !callbackURL.hasPrefix("https://") {
            issues.append(JSONIssue(pointer: "/callback_url", message: "must be an http or https URL"))
        }
        if let unique, (unique.scope == .window) != (unique.window != nil) {
            let message = "is needed with scope window, and with no other"
            issues.append(JSONIssue(pointer: "/unique/window_ms", message: message))
        }
    }

    /// The same work again, as a new job that names the old one.
    init(retrying job: Job) {
        cardID = job.cardID
        projectID = job.projectID
        kind = job.kind
        queue = job.queue
        params = job.params
        metadata = job.metadata
        tags = job.tags
        priority = job.priority
        maxAttempts = job.maxAttempts
        timeout = job.timeout
        callbackURL = job.callbackURL
        orderingKey = job.orderingKey
        concurrencyKey = job.concurrencyKey
        dependency = job.dependency
        retryOf = job.id
    }
}

extension JSONSchema {
    /// The name of a kind or queue.
    static var name: JSONSchema { .string(1...100, pattern: namePattern) }

    private static let namePattern: JSONPattern? = {
        do { return try JSONPattern(QueueName.pattern) } catch { preconditionFailure("\(error)") }
    }()
}
