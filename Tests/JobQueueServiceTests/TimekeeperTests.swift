import Contracts
import JSON
import Kernel
import Postgres
import Telemetry
import Testing

@testable import JobQueueService

/// Each tick is fired once, whatever happens meanwhile.
@Suite(.timeLimit(.minutes(2))) struct TimekeeperTests {
    @Test func `a job is stored at its time as any submission is, and tells where it comes from`() async throws {
        try await TimekeeperFixture.run { fixture in
            let timekeeper = fixture.timekeeper()
            let id = try await fixture.add(
                #"{"cron":"*/5 * * * *","job":{"kind":"report","params":{"n":1},"metadata":{"mine":[1],"schedule_id":0}}}"#
            )
            #expect(try await !timekeeper.fireDue())
            #expect(try await fixture.ticks(id) == [])
            fixture.advance(by: .seconds(300))
            #expect(try await !timekeeper.fireDue())
            #expect(try await !timekeeper.fireDue())
            #expect(try await fixture.ticks(id) == ["2026-01-01T00:05:00.000Z"])

            let schedule = try await fixture.schedule(id)
            #expect(schedule.nextAt == Timestamp("2026-01-01T00:10:00Z"))
            #expect(schedule.lastFiredAt == fixture.now)
            #expect(schedule.firedCount == 1)
            #expect(schedule.version == 1)
            let job = try #require(schedule.lastJobID)
            let row = try #require(try await fixture.pool.query(JobStatements.find(job, project: nil)).first)
            let stored = try Job(row)
            #expect(stored.status == .queued)
            #expect(stored.kind == "report")
            #expect(
                String(decoding: stored.metadata.bytes, as: UTF8.self)
                    == #"{"mine":[1],"schedule_id":"\#(id)","scheduled_at":"2026-01-01T00:05:00.000Z"}"#
            )
            #expect(try await fixture.count("SELECT count(*) FROM jobs.ready WHERE job_id = \(job)") == 1)
            #expect(
                try await fixture.count("SELECT count(*) FROM shared.events WHERE subject = \(job) AND seq = 1") == 1
            )
        }
    }

    @Test func `two replicas fire fifty schedules, each tick once`() async throws {
        try await TimekeeperFixture.run { fixture in
            var ids: [ScheduleID] = []
            for number in 0..<50 {
                let rule = number.isMultiple(of: 2) ? #""cron":"* * * * * *""# : #""every_ms":1000"#
                ids.append(try await fixture.add("{\(rule),\"missed\":\"run_all\",\"job\":{\"params\":{}}}"))
            }
            let replicas = [fixture.replica(), fixture.replica()]
            for _ in 0..<15 {
                fixture.advance(by: .milliseconds(1400))
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for replica in replicas + replicas {
                        group.addTask { while try await replica.timekeeper.fireDue() {} }
                    }
                    try await group.waitForAll()
                }
            }
            // Whoever looked while the other had all of it at hand has gone away empty.
            while try await replicas[0].timekeeper.fireDue() {}
            // 21 seconds have passed.
            let expected = (1...21).map { "2026-01-01T00:00:\($0 < 10 ? "0" : "")\($0).000Z" }
            for id in ids {
                #expect(try await fixture.ticks(id) == expected)
                #expect(try await fixture.schedule(id).firedCount == 21)
            }
            for replica in replicas { await replica.pool.close() }
        }
    }

    @Test func `what another replica has at hand is left to it, and not waited for`() async throws {
        try await TimekeeperFixture.run { fixture in
            let held = try await fixture.add(#"{"cron":"* * * * *","job":{"params":{}}}"#)
            let free = try await fixture.add(#"{"cron":"* * * * *","job":{"params":{}}}"#)
            fixture.advance(by: .seconds(60))
            let replica = fixture.replica()
            try await fixture.pool.withTransaction { transaction in
                _ = try transaction.query(ScheduleStatements.lock(held, project: nil))
                let isMore = try await replica.timekeeper.fireDue()
                #expect(!isMore)
            }
            #expect(try await fixture.ticks(free).count == 1)
            #expect(try await fixture.ticks(held) == [])
            #expect(try await !replica.timekeeper.fireDue())
            #expect(try await fixture.ticks(held).count == 1)
            await replica.pool.close()
        }
    }

    static let absences: [(String, [String])] = [
        ("skip", []), ("run_once", ["2026-01-01T06:00:00.000Z"]),
        ("run_all", (1...6).map { "2026-01-01T0\($0):00:00.000Z" }),
    ]

    @Test(arguments: absences)
    func `after an absence it goes on as the schedule says`(missed: String, made: [String]) async throws {
        try await TimekeeperFixture.run { fixture in
            let timekeeper = fixture.timekeeper()
            let id = try await fixture.add(#"{"cron":"@hourly","missed":"\#(missed)","job":{"params":{}}}"#)
            fixture.advance(by: .seconds(6 * 3600 + 1800))
            #expect(try await !timekeeper.fireDue())
            #expect(try await fixture.ticks(id) == made)
            fixture.advance(by: .seconds(1800))
            #expect(try await !timekeeper.fireDue())
            #expect(try await fixture.ticks(id) == made + ["2026-01-01T07:00:00.000Z"])
            #expect(try await fixture.schedule(id).nextAt == Timestamp("2026-01-01T08:00:00Z"))
        }
    }

    @Test func `a tick that was fired is not fired again, even when its schedule is put back`() async throws {
        try await TimekeeperFixture.run { fixture in
            let timekeeper = fixture.timekeeper()
            let id = try await fixture.add(#"{"cron":"@hourly","job":{"params":{}}}"#)
            fixture.advance(by: .seconds(3600))
            _ = try await timekeeper.fireDue()
            _ = try await fixture.pool.query("UPDATE jobs.schedules SET next_at = \(fixture.now)")
            _ = try await timekeeper.fireDue()
            #expect(try await fixture.ticks(id).count == 1)
            let schedule = try await fixture.schedule(id)
            #expect(schedule.firedCount == 1)
            #expect(schedule.lastJobID != nil)
            #expect(schedule.nextAt == Timestamp("2026-01-01T02:00:00Z"))
        }
    }

    @Test func `a schedule by local time fires at the shift of the clocks`() async throws {
        try await TimekeeperFixture.run(from: "2026-03-29T00:00:00Z") { fixture in
            let timekeeper = fixture.timekeeper()
            let id = try await fixture.add(
                #"{"cron":"30 2 * * *","timezone":"Europe/Berlin","job":{"params":{}}}"#
            )
            for _ in 0..<48 {
                fixture.advance(by: .seconds(1800))
                _ = try await timekeeper.fireDue()
            }
            #expect(try await fixture.ticks(id) == ["2026-03-29T01:00:00.000Z"])
            #expect(try await fixture.schedule(id).nextAt == Timestamp("2026-03-30T00:30:00Z"))
        }
    }

    @Test func `what is paused is not fired`() async throws {
        try await TimekeeperFixture.run { fixture in
            let id = try await fixture.add(#"{"cron":"@hourly","paused":true,"missed":"run_all","job":{"params":{}}}"#)
            fixture.advance(by: .seconds(7200))
            #expect(try await !fixture.timekeeper().fireDue())
            #expect(try await fixture.ticks(id) == [])
        }
    }

    @Test func `a job that does not fit any more is told of, and its schedule goes on`() async throws {
        try await TimekeeperFixture.run { fixture in
            let timekeeper = fixture.timekeeper()
            let lost = try await fixture.add(
                #"{"cron":"@hourly","job":{"params":{},"card_id":"019ca8ba-0000-7000-8000-000000000001"}}"#
            )
            let good = try await fixture.add(#"{"cron":"@hourly","job":{"params":{}}}"#)
            fixture.advance(by: .seconds(3600))
            _ = try await timekeeper.fireDue()
            #expect(try await fixture.ticks(good).count == 1)
            let schedule = try await fixture.schedule(lost)
            #expect(schedule.lastError == "no such card")
            #expect(schedule.firedCount == 0)
            #expect(schedule.nextAt == Timestamp("2026-01-01T02:00:00Z"))
            // Once it fits again, the error is gone.
            _ = try await fixture.pool.query(
                "UPDATE jobs.schedules SET job = \(#"{"params":{}}"#)::text::json WHERE id = \(lost)"
            )
            fixture.advance(by: .seconds(3600))
            _ = try await timekeeper.fireDue()
            #expect(try await fixture.schedule(lost).lastError == nil)
            #expect(try await fixture.ticks(lost).count == 1)
        }
    }

    @Test func `a run is left out while the unique job of the one before has not ended`() async throws {
        try await TimekeeperFixture.run { fixture in
            let timekeeper = fixture.timekeeper()
            var ids: [ScheduleID] = []
            for conflict in ["return_existing", "reject"] {
                ids.append(
                    try await fixture.add(
                        #"{"cron":"* * * * *","job":{"params":{},"unique":{"key":"\#(conflict)","on_conflict":"\#(conflict)"}}}"#
                    )
                )
            }
            for _ in 0..<3 {
                fixture.advance(by: .seconds(60))
                _ = try await timekeeper.fireDue()
            }
            for id in ids { #expect(try await fixture.ticks(id) == ["2026-01-01T00:01:00.000Z"]) }
            #expect(try await fixture.schedule(ids[0]).lastError == nil)
            #expect(try await fixture.schedule(ids[1]).lastError == "a job with this unique key is there already")
            #expect(try await fixture.schedule(ids[0]).firedCount == 1)
            #expect(try await fixture.schedule(ids[1]).firedCount == 1)
            // Once the jobs have ended, the next ones come.
            for id in ids {
                let job = try #require(try await fixture.schedule(id).lastJobID)
                _ = try await fixture.pool.query(
                    JobStatements.end([job], as: .cancelled, code: nil, message: nil)
                )
            }
            fixture.advance(by: .seconds(60))
            _ = try await timekeeper.fireDue()
            for id in ids {
                #expect(try await fixture.ticks(id).last == "2026-01-01T00:04:00.000Z")
                #expect(try await fixture.schedule(id).lastError == nil)
            }
        }
    }

    @Test(arguments: [
        (#"job = '{"params":{},"tags":["\u0000"]}'"#, "its job cannot be stored"),
        ("timezone = 'Mars/Olympus'", "is not the name of a time zone"),
        ("cron = '61 * * * *'", "minute, at character 1"),
    ])
    func `a schedule that cannot be fired is paused with the reason, and stops no other`(
        damage: String,
        reason: String
    ) async throws {
        try await TimekeeperFixture.run { fixture in
            let timekeeper = fixture.timekeeper()
            let broken = try await fixture.add(#"{"cron":"* * * * *","job":{"params":{}}}"#)
            _ = try await fixture.pool.query("UPDATE jobs.schedules SET \(unchecked: damage)")
            let good = try await fixture.add(#"{"cron":"* * * * *","job":{"params":{}}}"#)
            fixture.advance(by: .seconds(60))
            while try await timekeeper.fireDue() {}
            #expect(try await fixture.ticks(good).count == 1)
            let schedule = try await fixture.schedule(broken)
            #expect(schedule.isPaused)
            #expect(schedule.lastError?.contains(reason) == true)
        }
    }
}
