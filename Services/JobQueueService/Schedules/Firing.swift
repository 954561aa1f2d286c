import Contracts
import Cron
import Kernel
import Telemetry

/// What becomes of a schedule that is due.
struct Firing: Sendable {
    let schedule: Schedule
    /// When it is due next; `nil` pauses it.
    let nextAt: Timestamp?
    /// The ticks to fire, with what is submitted for each.
    let runs: [Run]
    /// The jobs that are made of them: first those to be stored, in the end those that were.
    private(set) var jobs: [Job] = []
    /// Why one of them could not be submitted.
    private(set) var error: String?

    /// A tick and its submission.
    struct Run: Sendable {
        let tick: Timestamp
        let submission: JobSubmission
    }

    /// Plans what a locked schedule that is due has to fire.
    init(_ schedule: Schedule, at now: Timestamp, _ zones: ZoneDatabase) {
        self.schedule = schedule
        do {
            let recurrence = try schedule.recurrence(zones)
            let ticks = schedule.missed.ticks(of: recurrence, from: schedule.nextAt ?? now, at: now)
            runs = try ticks.map { Run(tick: $0, submission: try schedule.submission(for: $0)) }
            nextAt = recurrence.next(after: now)
        } catch {
            // Neither can be read any more: a newer program wrote it, or a zone is not known on this system.
            nextAt = nil
            runs = []
            self.error = "\(error)"
        }
    }

    /// Takes over the jobs that were made of its runs, if all could be made.
    mutating func take(prepared: some Collection<Result<Job, ServiceError>>) {
        do throws(ServiceError) {
            for result in prepared { jobs.append(try result.get()) }
        } catch {
            jobs = []
            self.error = error.message
        }
    }

    /// Keeps the jobs that are new. Some may have been fired before, or have a unique key that another job holds.
    mutating func take(stored outcomes: some Collection<Result<SubmittedJob, ServiceError>?>) {
        jobs = []
        for case let outcome? in outcomes {
            switch outcome {
            case .success(let submitted): if submitted.isNew { jobs.append(submitted.job) }
            case .failure(let refusal): error = refusal.message
            }
        }
    }

    /// The jobs as they are to be stored: each under a key that no second one can have.
    var items: [Intake.Item] {
        zip(jobs, runs)
            .map { job, run in
                Intake.Item(
                    job: job,
                    caller: schedule.createdBy,
                    traceparent: TraceContext.root().traceparent,
                    idempotency: Intake.StoredKey(caller: "schedule", key: "\(schedule.id):\(run.tick)")
                )
            }
    }
}
