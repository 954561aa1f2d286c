import Contracts
import JSON
import Kernel

/// What bounds the jobs of a queue. Everything that is `nil` is not bounded, but for jobs with a `concurrency_key`: of
/// those one runs at a time unless `perKeyConcurrency` says otherwise.
struct QueueLimits: Sendable {
    var concurrency: Int?
    var perKeyConcurrency: Int?
    var rate: Rate?
    var perKeyRate: Rate?
    /// How often the queue's turn comes beside other limited queues of the same priority.
    var weight: Double?
    /// Whether projects share the workers' time.
    var sharesFairly = false
    /// In which proportion; 1 for those that are not named.
    var projectWeights = RawJSON.emptyObject

    /// The body of `PUT /api/queues/{name}`.
    static let schema = JSONSchema.object([
        .optional("concurrency", .integer(1...1_000_000).described("jobs that run at once")),
        .optional(
            "per_key_concurrency",
            .integer(1...1_000_000).described("jobs of the same concurrency_key that run at once; 1 by default")
        ),
        .optional("rate", Rate.schema.described("how many jobs start in which time")),
        .optional("per_key_rate", Rate.schema.described("the same for each concurrency_key")),
        .optional("weight", weightSchema.described("how often its turn comes, beside other limited queues")),
        .optional("fair_share", .boolean.defaulting(to: false).described("projects share the workers' time")),
        .optional(
            "project_weights",
            .object([], additional: .matching([weightSchema])).described("shares by project id; 1 where none is named")
        ),
        .optional("paused", .boolean.described("as it is when left out")),
    ])

    private static let weightSchema = JSONSchema.number(0.001...1000)

    init() {}

    /// Reads a body that fits the schema.
    init(_ body: JSONElement) {
        concurrency = body.value("concurrency")?.int
        perKeyConcurrency = body.value("per_key_concurrency")?.int
        rate = Rate(body.value("rate"))
        perKeyRate = Rate(body.value("per_key_rate"))
        weight = body.value("weight")?.double
        sharesFairly = body.value("fair_share")?.bool ?? false
        projectWeights = body.value("project_weights")?.raw ?? .emptyObject
    }

    /// What only the names in `project_weights` show to be wrong.
    static func issues(in body: JSONElement) -> [JSONIssue] {
        (body.value("project_weights")?.members.map(\.name) ?? [])
            .filter { ProjectID($0)?.description != $0 }
            .map { JSONIssue(pointer: "/project_weights/\($0)", message: "is not a project's id") }
    }
}
