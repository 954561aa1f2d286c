import JSON
import Kernel

/// Why a job is where it is: a code for programs, a sentence for people, and when that ends, if it is known.
struct Reason: Sendable, JSONWritable {
    /// What keeps a job, or what became of it.
    enum Code: String, Sendable, CaseIterable {
        /// It waits for other jobs.
        case blocked = "BLOCKED"
        /// Its time has not come.
        case scheduled = "SCHEDULED"
        /// Nothing of its queue is handed out.
        case queuePaused = "QUEUE_PAUSED"
        /// As many of its queue run as may.
        case queueConcurrency = "QUEUE_CONCURRENCY"
        /// As many of its concurrency key run as may.
        case keyConcurrency = "KEY_CONCURRENCY"
        /// So many of its queue were begun that the next must wait.
        case queueRate = "QUEUE_RATE"
        /// The same of its concurrency key.
        case keyRate = "KEY_RATE"
        /// An earlier job of its ordering key has not ended.
        case orderingKey = "ORDERING_KEY"
        /// It failed, and the retries of what it depends on are used up for now.
        case retryBudget = "RETRY_BUDGET"
        /// It failed and waits for its next try.
        case retryWait = "RETRY_WAIT"
        /// Its worker wants it to be run later.
        case snoozed = "SNOOZED"
        /// It waits to be resumed.
        case suspended = "SUSPENDED"
        /// Nobody who lives takes such a job.
        case noWorker = "NO_WORKER"
        /// All who take such a job have all they can hold.
        case workersFull = "WORKERS_FULL"
        /// Others are before it, or it is the next.
        case inLine = "IN_LINE"
        /// A worker has it and has not begun.
        case leased = "LEASED"
        /// A worker runs it.
        case running = "RUNNING"
        /// An outside service has it.
        case awaitingProvider = "AWAITING_PROVIDER"
        /// Its worker is silent; the job is about to be taken back.
        case workerSilent = "WORKER_SILENT"
        /// It has ended so.
        case completed = "COMPLETED"
        case failed = "FAILED"
        case quarantined = "QUARANTINED"
        case cancelled = "CANCELLED"
        case expired = "EXPIRED"
    }

    let code: Code
    let message: String
    /// When the job is expected to go on.
    var eta: Timestamp?
    /// Facts for programs, as further members.
    var facts: [(name: String, value: any JSONWritable & Sendable)] = []

    func write(to json: inout JSONWriter) {
        json.object { json in
            json.member("code", code.rawValue)
            json.member("message", message)
            json.member("eta", eta)
            for fact in facts { json.member(fact.name, fact.value) }
        }
    }
}
