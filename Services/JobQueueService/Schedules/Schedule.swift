import Contracts
import Cron
import JSON
import Kernel
import Postgres

/// A schedule as its row says.
struct Schedule: Sendable {
    let id: ScheduleID
    let projectID: ProjectID?
    let name: String?
    let timing: ScheduleTiming
    let job: RawJSON
    let missed: MissedRuns
    let isPaused: Bool
    let nextAt: Timestamp?
    let lastFiredAt: Timestamp?
    let lastJobID: JobID?
    let firedCount: Int
    let lastError: String?
    let createdBy: String
    let version: Int
    let createdAt: Timestamp
    let updatedAt: Timestamp

    /// The columns that `init(_:)` reads, in its order, of a table or alias called `schedule`.
    static let columns: SQL = """
        schedule.id, schedule.project_id, schedule.name, schedule.cron, schedule.every_ms, schedule.timezone,
        schedule.job, schedule.missed, schedule.paused, schedule.next_at, schedule.last_fired_at,
        schedule.last_job_id, schedule.fired_count, schedule.last_error, schedule.created_by, schedule.version,
        schedule.created_at, schedule.updated_at
        """

    init(_ row: Row) throws {
        var reader = row.reader
        id = try reader.next()
        projectID = try reader.next()
        name = try reader.next()
        let cron: String? = try reader.next()
        let every: Int? = try reader.next()
        timing = ScheduleTiming(cron: cron, every: every.map { .milliseconds($0) }, timezone: try reader.next())
        job = try reader.next()
        missed = try reader.next()
        isPaused = try reader.next()
        nextAt = try reader.next()
        lastFiredAt = try reader.next()
        lastJobID = try reader.next()
        firedCount = try reader.next()
        lastError = try reader.next()
        createdBy = try reader.next()
        version = try reader.next()
        createdAt = try reader.next()
        updatedAt = try reader.next()
    }

    /// When it is due.
    func recurrence(_ zones: ZoneDatabase) throws -> Recurrence {
        try timing.recurrence(from: createdAt, zones)
    }

    /// What is submitted for a tick: the job's metadata tells the schedule and the tick.
    func submission(for tick: Timestamp) throws -> JobSubmission {
        let template = try JSONDocument(parsing: job.bytes).root
        var submission = JobSubmission(template, at: "/job", project: projectID)
        let own = try JSONDocument(parsing: submission.metadata.bytes).root
        let metadata = JSONWriter.bytes { json in
            json.object { json in
                for member in own.members where !["schedule_id", "scheduled_at"].contains(member.name) {
                    json.member(member.name, member.value)
                }
                json.member("schedule_id", id)
                json.member("scheduled_at", tick)
            }
        }
        submission.metadata = RawJSON(metadata)
        return submission
    }
}

extension Schedule: JSONWritable {
    /// Writes the schedule as an object.
    func write(to json: inout JSONWriter) {
        json.object {
            $0.member("schedule_id", id)
            $0.member("name", name)
            $0.member("project_id", projectID)
            $0.member("cron", timing.cron)
            $0.member("every_ms", timing.every.map { Int($0.milliseconds) })
            $0.member("timezone", timing.timezone)
            $0.member("job", job)
            $0.member("missed", missed.rawValue)
            $0.member("missed_limit", missed == .runAll ? MissedRuns.limit : nil)
            $0.member("paused", isPaused)
            $0.member("next_at", nextAt)
            $0.member("last_fired_at", lastFiredAt)
            $0.member("last_job_id", lastJobID)
            $0.member("last_error", lastError)
            $0.member("fired_count", firedCount)
            $0.member("created_by", createdBy)
            $0.member("version", version)
            $0.member("created_at", createdAt)
            $0.member("updated_at", updatedAt)
        }
    }
}
