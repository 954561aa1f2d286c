import Contracts
import Kernel
import Postgres

/// Statements over `jobs.schedules`.
///
/// A schedule's row is locked before anything of its jobs, by whoever changes it and by whoever fires it.
enum ScheduleStatements {
    static func insert(
        _ draft: ScheduleDraft,
        id: ScheduleID,
        project: ProjectID?,
        nextAt: Timestamp?,
        by caller: String,
        at now: Timestamp
    ) -> SQL {
        """
        INSERT INTO jobs.schedules AS schedule (
            id, project_id, name, cron, every_ms, timezone, job, missed, paused, next_at, created_by, created_at
        )
        VALUES (
            \(id), \(project), \(draft.name), \(draft.timing.cron), \(draft.timing.every?.milliseconds),
            \(draft.timing.timezone), \(draft.job), \(draft.missed), \(nextAt == nil), \(nextAt), \(caller), \(now)
        )
        RETURNING \(Schedule.columns)
        """
    }

    static func replace(_ id: ScheduleID, by draft: ScheduleDraft, project: ProjectID?, nextAt: Timestamp?) -> SQL {
        """
        UPDATE jobs.schedules AS schedule
        SET project_id = \(project), name = \(draft.name), cron = \(draft.timing.cron),
            every_ms = \(draft.timing.every?.milliseconds), timezone = \(draft.timing.timezone), job = \(draft.job),
            missed = \(draft.missed), paused = \(nextAt == nil), next_at = \(nextAt), last_error = NULL,
            version = version + 1, updated_at = now()
        WHERE id = \(id)
        RETURNING \(Schedule.columns)
        """
    }

    /// Pauses a schedule, or lets it go on at `nextAt`.
    static func move(_ id: ScheduleID, to nextAt: Timestamp?) -> SQL {
        """
        UPDATE jobs.schedules AS schedule
        SET paused = \(nextAt == nil), next_at = \(nextAt), last_error = NULL, version = version + 1,
            updated_at = now()
        WHERE id = \(id)
        RETURNING \(Schedule.columns)
        """
    }

    /// Pauses a schedule that cannot be fired, and says why.
    static func park(_ id: ScheduleID, because reason: String) -> SQL {
        """
        UPDATE jobs.schedules
        SET paused = true, next_at = NULL, last_error = \(reason), version = version + 1, updated_at = now()
        WHERE id = \(id)
        """
    }

    static func delete(_ id: ScheduleID) -> SQL { "DELETE FROM jobs.schedules WHERE id = \(id)" }

    static func find(_ id: ScheduleID, project: ProjectID?) -> SQL {
        """
        SELECT \(Schedule.columns)
        FROM jobs.schedules AS schedule
        WHERE schedule.id = \(id) AND (\(project)::uuid IS NULL OR schedule.project_id = \(project))
        """
    }

    /// Locks a schedule for what follows in the same transaction.
    static func lock(_ id: ScheduleID, project: ProjectID?) -> SQL { "\(find(id, project: project)) FOR UPDATE" }

    static func list(project: ProjectID?, before: UUID?, limit: Int) -> SQL {
        """
        SELECT \(Schedule.columns)
        FROM jobs.schedules AS schedule
        WHERE (\(project)::uuid IS NULL OR schedule.project_id = \(project))
            AND (\(before)::uuid IS NULL OR schedule.id < \(before))
        ORDER BY schedule.id DESC
        LIMIT \(limit)
        """
    }

    /// Locks what is due, the oldest first, and skips what somebody else has at hand; `only` narrows it to one.
    static func lockDue(at now: Timestamp, only id: ScheduleID?, limit: Int) -> SQL {
        """
        SELECT \(Schedule.columns)
        FROM jobs.schedules AS schedule
        WHERE schedule.next_at <= \(now) AND (\(id)::uuid IS NULL OR schedule.id = \(id))
        ORDER BY schedule.next_at, schedule.id
        LIMIT \(limit)
        FOR UPDATE SKIP LOCKED
        """
    }

    static func due(at now: Timestamp, limit: Int) -> SQL {
        "SELECT id FROM jobs.schedules WHERE next_at <= \(now) ORDER BY next_at, id LIMIT \(limit)"
    }

    /// Notes what was fired of locked schedules, and when each is due next; without that it is paused.
    static func advance(_ firings: [Firing], at now: Timestamp) -> SQL {
        """
        UPDATE jobs.schedules AS schedule
        SET next_at = firing.next_at, paused = firing.next_at IS NULL,
            last_fired_at = CASE WHEN firing.count > 0 THEN \(now) ELSE last_fired_at END,
            last_job_id = coalesce(firing.job_id, last_job_id),
            fired_count = fired_count + firing.count,
            last_error = CASE WHEN firing.count = 0 AND firing.error IS NULL THEN last_error ELSE firing.error END
        FROM unnest(
            \(firings.map(\.schedule.id)), \(firings.map(\.nextAt)), \(firings.map(\.jobs.count)),
            \(firings.map(\.jobs.last?.id)), \(firings.map(\.error))
        ) AS firing (id, next_at, count, job_id, error)
        WHERE schedule.id = firing.id
        """
    }

    /// Notes a job that was submitted on request.
    static func noteFired(_ id: ScheduleID, _ job: JobID, at now: Timestamp) -> SQL {
        """
        UPDATE jobs.schedules
        SET last_fired_at = \(now), last_job_id = \(job), fired_count = fired_count + 1, last_error = NULL
        WHERE id = \(id)
        """
    }

    /// When something is due next.
    static let nextDue: SQL = "SELECT min(next_at) FROM jobs.schedules"

    /// The channel on which replicas hear of changes.
    static let channel = "martlet_schedules"

    /// Tells the other replicas, after the commit, that something may be due sooner.
    static let announce: SQL = "SELECT pg_notify(\(channel), '')"
}
