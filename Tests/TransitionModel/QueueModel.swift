import Contracts

/// What a worker may say about a lease.
enum ModelVerb: String, Sendable, CaseIterable {
    case start, complete, fail, snooze, suspend, release
}

/// What a worker is answered.
enum ModelOutcome: String, Sendable {
    case ok
    case leaseLost = "LEASE_LOST"
    case notStarted = "INVALID_TRANSITION"
}

/// The job queue as a small state machine: what is in the tables, what workers believe, and who has looked at
/// something and not yet acted on it.
///
/// It is explored whole by `ModelExplorer`, and compared with the service by random walks: `ModelWalkTests`.
/// The numbers are absolute here; two states that differ only in how often something happened are one to the explorer
/// (`fingerprint`), so that the space is finite although a job may be snoozed for ever.
struct QueueModel: Sendable, Equatable {
    /// What there is in a run.
    struct Setup: Sendable {
        var name: String
        /// How many jobs may be submitted, retries included.
        var jobs = 1
        var workers = 2
        var maxAttempts = 2
        /// A job under which so many workers died is not given to another.
        var maximumDeaths = 3
        /// Whether job 1 waits for job 0.
        var isFamily = false
        /// How many may have looked without having acted at a time.
        var inFlight = 1
        /// Verbs that workers use.
        var verbs: Set<ModelVerb> = [.start, .complete, .fail, .snooze, .suspend, .release]
        /// Whether jobs end at a deadline, which is a cancellation with another name.
        var expires = true
        var retries = false
    }

    /// A row of `jobs.leases`.
    struct Lease: Sendable, Equatable {
        var fence: Int
        var worker: Int
        var isStarted = false
        var isRevoked = false
    }

    /// A row of `jobs.jobs`, with its places in the other tables and the end of its event log.
    struct Job: Sendable, Equatable {
        var status: JobStatus
        var phase = JobPhase.waiting
        var seq = 1
        var fence = 0
        var endedFence: Int?
        var endedVerb: ModelVerb?
        var attempt = 0
        var deaths = 0
        var resumeFence: Int?
        var hasDependents = false
        var isReady = false
        var isScheduled = false
        var leases: [Lease] = []
        /// Events so far, and what the last one said.
        var events = 1
        var told: JobStatus

        init(_ status: JobStatus) {
            self.status = status
            told = status
            isReady = status == .queued
            isScheduled = status == .scheduled
        }

        /// The lease that may change the job.
        var live: Lease? { leases.first { $0.fence == fence } }
    }

    /// A lease as a worker remembers it, be it long over.
    struct Key: Sendable, Equatable {
        var job: Int
        var fence: Int
    }

    /// A worker: its row of `jobs.workers`, and the program that may not know what became of it.
    struct Worker: Sendable, Equatable {
        enum Session: UInt8, Sendable {
            case none, live
            /// Its heartbeats stopped; nobody has seen it yet.
            case silent
        }
        var session = Session.none
        var remembers: [Key] = []
    }

    /// A row of `jobs.dependency_checks`.
    struct Note: Sendable, Equatable {
        var job: Int
        var hasEnded: Bool
    }

    /// Somebody who has looked, or locked a row, and acts later.
    enum Pending: Sendable, Equatable, CustomStringConvertible {
        /// Has the row of `ready`, and waits for the job's.
        case claim(worker: Int, job: Int)
        /// Has the session's row.
        case rescue(worker: Int, found: [Key])
        case timeout(Key)
        /// Has the row of `scheduled`, and waits for the job's.
        case promote(Int)
        case end(Int, JobStatus)
        /// Has taken the note about a child and marked its parent, if that has not ended.
        case resolve(Int)

        var description: String {
            switch self {
            case .claim(let worker, let job): "the leasing of job \(job) by worker \(worker)"
            case .rescue(let worker, _): "the rescue of what worker \(worker) had"
            case .timeout(let key): "the end of attempt \(key.fence) of job \(key.job)"
            case .promote(let job): "the promotion of job \(job)"
            case .end(let job, let status): "the end of job \(job) as \(status)"
            case .resolve(let job): "the look at what job \(job) waits for"
            }
        }
    }

    let maxAttempts: Int
    let maximumDeaths: Int
    let flaw: ModelFlaw?
    var jobs: [Job?]
    var workers: [Worker]
    var notes: [Note] = []
    var pending: [Pending] = []
    /// What a statement could not do although it must: a row was in its way.
    var collision: String?

    init(_ setup: Setup, flaw: ModelFlaw? = nil) {
        maxAttempts = setup.maxAttempts
        maximumDeaths = setup.maximumDeaths
        self.flaw = flaw
        jobs = Array(repeating: nil, count: setup.jobs)
        workers = Array(repeating: Worker(), count: setup.workers)
    }

    /// Whether nothing will happen any more to any job.
    var isOver: Bool { jobs.allSatisfy { $0?.status.isFinal ?? true } }

    /// What makes two states the same to the explorer: fences count from the job's own backwards, and what is older
    /// than any lease that matters is just old.
    var fingerprint: [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(64)
        func age(_ fence: Int?, _ job: Int) -> UInt8 {
            guard let fence, let now = jobs[job]?.fence else { return 9 }
            return UInt8(min(max(now - fence, 0), 4))
        }
        for (index, job) in jobs.enumerated() {
            guard let job else {
                bytes.append(255)
                continue
            }
            bytes.append(job.status.ordinal)
            bytes.append(job.phase.ordinal)
            bytes.append(UInt8(clamping: job.seq - job.events + 8))
            bytes.append(job.told.ordinal)
            bytes.append(age(job.endedFence, index))
            bytes.append(job.endedVerb?.ordinal ?? 9)
            bytes.append(UInt8(clamping: job.attempt + 1))
            bytes.append(UInt8(clamping: job.deaths))
            bytes.append(job.resumeFence == job.fence ? 1 : 0)
            bytes.append((job.isReady ? 1 : 0) | (job.isScheduled ? 2 : 0) | (job.hasDependents ? 4 : 0))
            for lease in job.leases {
                bytes.append(age(lease.fence, index))
                bytes.append(UInt8(lease.worker) << 2 | (lease.isStarted ? 2 : 0) | (lease.isRevoked ? 1 : 0))
            }
            bytes.append(254)
        }
        for worker in workers {
            bytes.append(worker.session.rawValue)
            for key in worker.remembers {
                bytes.append(UInt8(key.job) << 4 | age(key.fence, key.job))
            }
            bytes.append(253)
        }
        for note in notes { bytes.append(UInt8(note.job) << 1 | (note.hasEnded ? 1 : 0)) }
        bytes.append(252)
        for operation in pending {
            switch operation {
            case .claim(let worker, let job): bytes += [1, UInt8(worker), UInt8(job)]
            case .rescue(let worker, let found):
                bytes += [2, UInt8(worker)] + found.map { UInt8($0.job) << 4 | age($0.fence, $0.job) }
            case .timeout(let key): bytes += [3, UInt8(key.job), age(key.fence, key.job)]
            case .promote(let job): bytes += [4, UInt8(job)]
            case .end(let job, let status): bytes += [5, UInt8(job), status.ordinal]
            case .resolve(let job): bytes += [6, UInt8(job)]
            }
            bytes.append(251)
        }
        return bytes
    }
}

extension CaseIterable where Self: Equatable {
    /// The place among all cases.
    fileprivate var ordinal: UInt8 {
        UInt8(Self.allCases.enumerated().first { $1 == self }?.offset ?? 255)
    }
}
