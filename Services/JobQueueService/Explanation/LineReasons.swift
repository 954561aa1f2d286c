import Contracts
import JSON
import Kernel
import Postgres

/// Who could take a queued job, and who is before it.
struct LineReasons: ReasonSource {
    /// Not more than so many are counted.
    private static let longest = 10_000

    func reasons(for facts: JobFacts, in transaction: isolated Transaction) throws -> [Reason] {
        let job = facts.job
        guard job.status == .queued, facts.holding == nil else { return [] }
        let ahead: Int? = try transaction.query(ReasonStatements.ahead(of: job.id, limit: LineReasons.longest)).first?
            .decode(0)
        let workers = try Workers(try transaction.query(ReasonStatements.workers(for: job)))
        if let missing = workers.missing(for: job) {
            return [
                Reason(code: .noWorker, message: missing.message, facts: [("missing", missing.what), ("ahead", ahead)])
            ]
        }
        let starts = try transaction.query(ReasonStatements.recentStarts(job.kind)).first
        let (begun, seconds): (Int, Double) = try starts.map { (try $0.decode(0), try $0.decode(1)) } ?? (0, 10)
        let place = LineReasons.place(ahead)
        var eta: Timestamp?
        var pace = ""
        if let ahead, begun > 0 {
            let rate = Double(begun) / seconds
            eta = facts.now + .microseconds(Int64(Double(ahead + 1) / rate * 1e6))
            pace = "; \(begun) of its kind were begun in the last \(Int(seconds)) seconds"
        }
        let members: [(String, any JSONWritable & Sendable)] = [
            ("ahead", ahead), ("workers", workers.taking), ("capacity", workers.capacity), ("held", workers.held),
        ]
        if workers.held >= workers.capacity {
            let message =
                "\(workers.taking) workers take such jobs and hold all they can, "
                + "\(workers.held) of \(workers.capacity); \(place)\(pace)"
            return [Reason(code: .workersFull, message: message, eta: eta, facts: members)]
        }
        // Somebody has room and nobody is before it.
        if ahead == 0 { eta = facts.now }
        return [Reason(code: .inLine, message: "\(place)\(pace)", eta: eta, facts: members)]
    }

    private static func place(_ ahead: Int?) -> String {
        switch ahead {
        case nil: "it is about to be taken, or put in line"
        case 0: "it is the next of its kind"
        case .some(longest...): "more than \(longest) jobs of its kind are before it"
        case .some(let count): "\(count) jobs of its kind are before it"
        }
    }

    /// The sessions that live, and what of a job they do not take.
    struct Workers {
        let ofKind: Int
        let ofQueue: Int
        let ofProject: Int
        let taking: Int
        let capacity: Int
        let held: Int

        init(_ rows: Rows) throws {
            var reader = rows[0].reader
            ofKind = try reader.next()
            ofQueue = try reader.next()
            ofProject = try reader.next()
            taking = try reader.next()
            capacity = try reader.next()
            held = try reader.next()
        }

        /// The first thing that no worker has, if there is one.
        func missing(for job: Job) -> (what: String, message: String)? {
            if ofKind == 0 { return ("kind", "no live worker takes jobs of kind \(job.kind)") }
            if ofQueue == 0 {
                return ("queue", "none of the \(ofKind) live workers of kind \(job.kind) serves queue \(job.queue)")
            }
            if ofProject == 0 {
                let project = job.projectID.map { "project \($0)" } ?? "jobs without a project"
                return ("project", "none of the \(ofQueue) live workers of its kind and queue serves \(project)")
            }
            if taking == 0 {
                return ("worker", "all \(ofProject) live workers that could take it are draining")
            }
            return nil
        }
    }
}
