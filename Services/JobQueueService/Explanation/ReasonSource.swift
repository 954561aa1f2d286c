import Contracts
import Kernel
import Postgres

/// One thing that may keep a job. All sources read one snapshot.
protocol ReasonSource: Sendable {
    /// Its reasons, if it is what keeps the job; most are none.
    func reasons(for facts: JobFacts, in transaction: isolated Transaction) throws -> [Reason]
}

/// A job, and who has it.
struct JobFacts: Sendable {
    /// A job in a worker's hands.
    struct Holding: Sendable {
        let workerID: WorkerID
        let worker: String
        let leasedAt: Timestamp
        let startedAt: Timestamp?
        let timesOutAt: Timestamp?
        /// When the worker counts as lost, unless it says something.
        let livesUntil: Timestamp
    }

    let job: Job
    let leaseDeaths: Int
    let holding: Holding?
    /// The database's time.
    let now: Timestamp

    init(_ job: Job, _ row: Row) throws {
        self.job = job
        var reader = row.reader
        now = try reader.next()
        leaseDeaths = try reader.next()
        guard let workerID: WorkerID = try reader.next() else {
            holding = nil
            return
        }
        holding = Holding(
            workerID: workerID,
            worker: try reader.next(),
            leasedAt: try reader.next(),
            startedAt: try reader.next(),
            timesOutAt: try reader.next(),
            livesUntil: try reader.next()
        )
    }
}
