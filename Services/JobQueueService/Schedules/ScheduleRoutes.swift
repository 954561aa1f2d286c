import Contracts
import Cron
import Edge
import HTTPServer
import JSON
import Kernel
import Postgres
import Store
import Telemetry

/// The HTTP routes of schedules.
struct ScheduleRoutes: Sendable {
    let pool: Pool
    let intake: Intake
    let zones: ZoneDatabase
    var clock = WallClock.system
    var ids = IdentifierSource()
    /// To be called after a schedule was changed.
    let edited: @Sendable () -> Void
    /// To be called after a job was stored.
    let fired: @Sendable () -> Void

    func add(to api: inout API) {
        api.add(
            Operation(
                .post,
                "/api/schedules",
                "submit a job again and again",
                scope: .jobsManage,
                body: .json(ScheduleDraft.schema),
                success: 201
            ),
            in: pool,
            committed: edited
        ) { call, transaction in try await create(call, transaction) }
        api.add(
            Operation(
                .get,
                "/api/schedules",
                "list schedules, newest first",
                scope: .jobsRead,
                query: QueryField.page
            )
        ) { call in try await list(call) }
        api.add(Operation(.get, "/api/schedules/{id}", "a schedule", scope: .jobsRead)) { call in
            let id: ScheduleID = try call.id(of: "SCHEDULE")
            guard let row = try await pool.query(ScheduleStatements.find(id, project: call.principal.project)).first
            else { throw ServiceError.notFound("SCHEDULE") }
            return .json(try Schedule(row))
        }
        api.add(
            Operation(
                .put,
                "/api/schedules/{id}",
                "replace a schedule",
                scope: .jobsManage,
                body: .json(ScheduleDraft.schema)
            ),
            in: pool,
            committed: edited
        ) { call, transaction in try await replace(call, transaction) }
        api.add(
            Operation(.delete, "/api/schedules/{id}", "delete a schedule", scope: .jobsManage, success: 204),
            in: pool
        ) { call, transaction in
            try await transaction.execute(ScheduleStatements.delete(try await lock(call, transaction).id))
            return .noContent
        }
        addVerbs(to: &api)
    }

    private func addVerbs(to api: inout API) {
        api.add(
            Operation(
                .post,
                "/api/schedules/{id}/fire",
                "submit a schedule's job now, beside its times",
                scope: .jobsManage,
                success: 201
            ),
            in: pool,
            committed: fired
        ) { call, transaction in try await fire(call, transaction) }
        api.add(
            Operation(.post, "/api/schedules/{id}/pause", "fire no more until resumed", scope: .jobsManage),
            in: pool
        ) { call, transaction in
            let schedule = try await lock(call, transaction)
            return schedule.isPaused ? .json(schedule) : try await move(schedule, to: nil, transaction)
        }
        api.add(
            Operation(
                .post,
                "/api/schedules/{id}/resume",
                "fire again, from the next time on",
                scope: .jobsManage
            ),
            in: pool,
            committed: edited
        ) { call, transaction in
            let schedule = try await lock(call, transaction)
            guard schedule.isPaused else { return .json(schedule) }
            let next = try next(of: schedule.timing, from: schedule.createdAt, after: clock.now())
            return try await move(schedule, to: next, transaction)
        }
    }

    private func create(_ call: Call, _ transaction: Transaction) async throws -> Reply {
        let draft = try ScheduleDraft(call.body, zones)
        let project = try await self.project(of: draft, call.principal.project, transaction)
        // Whole milliseconds, as they are shown: equal times are counted from here.
        let now = Timestamp(microseconds: clock.now().microseconds / 1000 * 1000)
        let insert = ScheduleStatements.insert(
            draft,
            id: ids.next(),
            project: project,
            nextAt: draft.isPaused ? nil : try next(of: draft.timing, from: now, after: now),
            by: call.principal.name,
            at: now
        )
        let schedule = try await write(insert, transaction)
        return .json(schedule, status: .created, headers: [("Location", "/api/schedules/\(schedule.id)")])
    }

    private func list(_ call: Call) async throws -> Reply {
        let page = try call.page()
        let statement = ScheduleStatements.list(
            project: call.principal.project,
            before: page.after,
            limit: page.limit + 1
        )
        return page.reply(try await pool.query(statement).map(Schedule.init)) { $0.id.uuid }
    }

    private func replace(_ call: Call, _ transaction: Transaction) async throws -> Reply {
        let draft = try ScheduleDraft(call.body, zones)
        let schedule = try await lock(call, transaction)
        let limit = call.principal.project ?? (draft.submission.cardID == nil ? schedule.projectID : nil)
        let project = try await self.project(of: draft, limit, transaction)
        var next = draft.isPaused ? nil : schedule.nextAt
        // What is due already stays due, unless the times are others now.
        if !draft.isPaused, schedule.isPaused || draft.timing != schedule.timing {
            next = try self.next(of: draft.timing, from: schedule.createdAt, after: clock.now())
        }
        let statement = ScheduleStatements.replace(schedule.id, by: draft, project: project, nextAt: next)
        return .json(try await write(statement, transaction))
    }

    private func fire(_ call: Call, _ transaction: Transaction) async throws -> Reply {
        let schedule = try await lock(call, transaction)
        let now = clock.now()
        let submission = try schedule.submission(for: now)
        let submitted: SubmittedJob
        do {
            let job = try await prepare(submission, transaction)
            let trace = call.trace.traceparent
            let results = try await Intake.store([job], caller: call.principal.name, trace: trace, in: transaction)
            submitted = try results[0].get()
        } catch let refusal as ServiceError {
            throw ServiceError(.conflict, "the schedule's job cannot be submitted: \(refusal.message)")
        } catch is UniqueConflict.Vanished {
            let message = "the unique key of the schedule's job has just become free; try again"
            throw ServiceError(.serviceUnavailable, message, retryAfter: .seconds(1))
        }
        if submitted.isNew {
            try await transaction.execute(ScheduleStatements.noteFired(schedule.id, submitted.job.id, at: now))
        }
        let location = "/api/jobs/\(submitted.job.id)"
        return .json(bytes: submitted.answer, submitted.status, headers: [("Location", location)])
    }

    private func move(_ schedule: Schedule, to next: Timestamp?, _ transaction: Transaction) async throws -> Reply {
        .json(try await write(ScheduleStatements.move(schedule.id, to: next), transaction))
    }

    /// A schedule that stays as it is until the transaction ends, in the version that the caller knows.
    private func lock(_ call: Call, _ transaction: Transaction) async throws -> Schedule {
        let id: ScheduleID = try call.id(of: "SCHEDULE")
        let rows = try await transaction.query(ScheduleStatements.lock(id, project: call.principal.project))
        guard let row = rows.first else { throw ServiceError.notFound("SCHEDULE") }
        let schedule = try Schedule(row)
        try call.expect(version: schedule.version)
        return schedule
    }

    /// Writes a schedule and tells the other replicas.
    private func write(_ statement: SQL, _ transaction: Transaction) async throws -> Schedule {
        let results = try await transaction.query([statement, ScheduleStatements.announce])
        guard let row = results.first?.first else { throw ServiceError.notFound("SCHEDULE") }
        return try Schedule(row)
    }

    /// Checks a draft's job as a submission is checked.
    ///
    /// - Returns: the project that the schedule belongs to, as each of its jobs will.
    private func project(
        of draft: ScheduleDraft,
        _ limit: ProjectID?,
        _ transaction: Transaction
    ) async throws -> ProjectID? {
        var submission = draft.submission
        submission.projectID = limit
        return try await prepare(submission, transaction).projectID
    }

    private func prepare(_ submission: JobSubmission, _ transaction: Transaction) async throws -> Job {
        let results = try await intake.prepare([submission], in: transaction)
        return try results[0].get()
    }

    private func next(of timing: ScheduleTiming, from anchor: Timestamp, after moment: Timestamp) throws -> Timestamp {
        do {
            if let next = try timing.recurrence(from: anchor, zones).next(after: moment) { return next }
            throw ServiceError(.conflict, "the schedule is never due again")
        } catch let error as CronError {
            throw ServiceError(.conflict, "the schedule's cron expression is not understood: \(error)")
        } catch let error as ZoneError {
            throw ServiceError(.conflict, "the schedule's time zone \(error)")
        }
    }
}
