public import Contracts

/// What a run has left behind: the rows of the job queue, and what its clients were told. `offences` says which promises it
/// shows broken. A value, so that it can be judged without a database, and be made wrong on purpose.
public struct JobHistory: Sendable {
    /// A row of `jobs.jobs`, and whether it stands in line or waits for its time.
    public struct Job: Sendable, Hashable {
        /// Its columns.
        public var id: String, status: JobStatus, seq: Int, fence: Int64
        /// Whether there is a row of `jobs.ready`, and of `jobs.scheduled`.
        public var isReady: Bool, isScheduled: Bool

        /// A row.
        public init(
            _ id: String,
            _ status: JobStatus,
            seq: Int,
            fence: Int64,
            ready: Bool = false,
            scheduled: Bool = false
        ) {
            (self.id, self.status, self.seq, self.fence) = (id, status, seq, fence)
            (isReady, isScheduled) = (ready, scheduled)
        }
    }

    /// A status event of the log.
    public struct Event: Sendable, Hashable {
        /// Whose change it is, which one, and what it says.
        public var job: String, seq: Int, status: JobStatus

        /// An event.
        public init(_ job: String, _ seq: Int, _ status: JobStatus) {
            (self.job, self.seq, self.status) = (job, seq, status)
        }
    }

    /// A row of `jobs.leases`.
    public struct Lease: Sendable, Hashable {
        /// Which job, by which fence, and who has it.
        public var job: String, fence: Int64, worker: String

        /// A lease.
        public init(_ job: String, fence: Int64, worker: String) {
            (self.job, self.fence, self.worker) = (job, fence, worker)
        }
    }

    /// A lease as it was when the transaction that gave it committed.
    public struct Grant: Sendable, Hashable {
        /// Which job, and by which fence.
        public var job: String, fence: Int64
        /// The job's own fence and status then.
        public var jobFence: Int64, status: JobStatus

        /// A grant.
        public init(_ job: String, fence: Int64, jobFence: Int64, _ status: JobStatus) {
            (self.job, self.fence, self.jobFence, self.status) = (job, fence, jobFence, status)
        }
    }

    /// One update of a job's row, in the order of the updates.
    public struct Change: Sendable, Hashable {
        /// Where a job stands.
        public struct Place: Sendable, Hashable {
            /// Columns of the job.
            public var status: JobStatus, seq: Int, fence: Int64

            /// A place.
            public init(_ status: JobStatus, seq: Int, fence: Int64) {
                (self.status, self.seq, self.fence) = (status, seq, fence)
            }
        }

        /// Whose change, from where and to where.
        public var job: String, before: Place, after: Place

        /// A change.
        public init(_ job: String, from before: Place, to after: Place) {
            (self.job, self.before, self.after) = (job, before, after)
        }
    }

    /// The rows at one moment.
    public var jobs: [Job] = []
    /// In the order of their numbers, job by job.
    public var events: [Event] = []
    /// The leases that there are.
    public var leases: [Lease] = []
    /// How many leases each worker session may hold.
    public var capacities: [String: Int] = [:]
    /// Every update of a job, if somebody wrote them down; see `JobRecorder`.
    public var changes: [Change] = []
    /// Every lease that was ever given, if somebody wrote them down.
    public var grants: [Grant] = []
    /// Jobs whose submission was acknowledged.
    public var acknowledged: Set<String> = []
    /// Jobs whose completion was acknowledged.
    public var completed: Set<String> = []

    /// Nothing happened yet.
    public init() {}

    /// What was looked at, in one line.
    public var summary: String {
        "\(jobs.count) jobs (\(acknowledged.count) acknowledged), \(events.count) events, \(changes.count) changes, "
            + "\(grants.count) leases given, \(leases.count) there"
    }
}
