import Concurrency
import Contracts
import Cron
import HTTPClient
import JSON
import Kernel
import Postgres
import TestSupport
import Testing

@testable import JobQueueService

/// Schedules over HTTP.
@Suite(.timeLimit(.minutes(2))) struct ScheduleTests {
    static let yearly = #"{"cron":"0 0 1 1 *","job":{"kind":"report","params":{"n":1}}}"#

    static func create(_ fixture: JobQueueFixture, _ body: String = yearly) async throws -> (path: String, JSONElement)
    {
        let answer = try await fixture.send("POST", "/api/schedules", body)
        try #require(answer.status == 201, "\(answer.response.text)")
        let id = try #require(answer.json["schedule_id"]?.string)
        #expect(answer.response.headers["Location"] == "/api/schedules/\(id)")
        return ("/api/schedules/\(id)", answer.json)
    }

    @Test func `a schedule is made, shown, replaced and deleted`() async throws {
        try await JobQueueFixture.run { fixture in
            let (path, made) = try await Self.create(
                fixture,
                #"{"name":"New Year","cron":"0 0 1 1 *","timezone":"Asia/Tokyo","missed":"run_all","job":{"params":{}}}"#
            )
            #expect(made["next_at"]?.string?.hasSuffix("-12-31T15:00:00.000Z") == true)
            #expect(made["missed_limit"]?.int == 100)
            #expect(made["fired_count"]?.int == 0)
            #expect(made["last_fired_at"]?.isNull == true)
            #expect(made["created_by"]?.string == "dev")
            #expect(try await fixture.send("GET", path).json.raw == made.raw)

            let put = #"{"every_ms":3600000,"job":{"kind":"other","params":{}},"paused":true}"#
            let stale = try await fixture.send("PUT", path, put, headers: [("If-Match", "\"7\"")])
            #expect(stale.code == "STALE_VERSION")
            let replaced = try await fixture.send("PUT", path, put, headers: [("If-Match", "\"1\"")]).json
            #expect(replaced["version"]?.int == 2)
            #expect(replaced["name"]?.isNull == true)
            #expect(replaced["cron"]?.isNull == true)
            #expect(replaced["every_ms"]?.int == 3_600_000)
            #expect(replaced["timezone"]?.string == "UTC")
            #expect(replaced["missed"]?.string == "skip")
            #expect(replaced["missed_limit"]?.isNull == true)
            #expect(replaced["paused"]?.bool == true)
            #expect(replaced["next_at"]?.isNull == true)
            #expect(replaced["created_at"]?.string == made["created_at"]?.string)

            #expect(try await fixture.send("DELETE", path, headers: [("If-Match", "\"1\"")]).code == "STALE_VERSION")
            #expect(try await fixture.send("DELETE", path).status == 204)
            #expect(try await fixture.send("GET", path).code == "SCHEDULE_NOT_FOUND")
            #expect(try await fixture.send("DELETE", path).code == "SCHEDULE_NOT_FOUND")
        }
    }

    @Test func `replacing the job keeps the time, and other times begin anew`() async throws {
        try await JobQueueFixture.run { fixture in
            let (path, made) = try await Self.create(fixture, #"{"every_ms":31536000000,"job":{"params":{}}}"#)
            // As if it were due soon.
            let soon = try #require(made["created_at"]?.string.flatMap { Timestamp($0) }) + .seconds(3600)
            _ = try await fixture.pool.query("UPDATE jobs.schedules SET next_at = \(soon)")
            let same = #"{"every_ms":31536000000,"job":{"kind":"other","params":{}}}"#
            #expect(try await fixture.send("PUT", path, same).json["next_at"]?.string == soon.description)
            let other = #"{"every_ms":7200000,"job":{"params":{}}}"#
            let later = soon + .seconds(3600)
            #expect(try await fixture.send("PUT", path, other).json["next_at"]?.string == later.description)
        }
    }

    @Test func `pausing and resuming are idempotent`() async throws {
        try await JobQueueFixture.run { fixture in
            let (path, made) = try await Self.create(fixture)
            let paused = try await fixture.send("POST", "\(path)/pause").json
            #expect(paused["paused"]?.bool == true)
            #expect(paused["next_at"]?.isNull == true)
            #expect(paused["version"]?.int == 2)
            #expect(try await fixture.send("POST", "\(path)/pause").json.raw == paused.raw)
            let resumed = try await fixture.send("POST", "\(path)/resume").json
            #expect(resumed["paused"]?.bool == false)
            #expect(resumed["next_at"]?.string == made["next_at"]?.string)
            #expect(resumed["version"]?.int == 3)
            #expect(try await fixture.send("POST", "\(path)/resume").json.raw == resumed.raw)
        }
    }

    @Test func `firing submits the job at once, also while paused, and wakes who waits for it`() async throws {
        try await JobQueueFixture.run { fixture in
            let (path, made) = try await Self.create(
                fixture,
                #"{"cron":"@yearly","paused":true,"job":{"kind":"report","params":{"n":1},"tags":["t"]}}"#
            )
            let worker = try await fixture.worker(["report"])
            async let leased = fixture.lease(worker)
            let fired = try await fixture.send("POST", "\(path)/fire", headers: [("Idempotency-Key", "once")])
            let again = try await fixture.send("POST", "\(path)/fire", headers: [("Idempotency-Key", "once")])
            #expect(fired.status == 201)
            #expect(again.response.body == fired.response.body)
            let id = try #require(fired.json["job_id"]?.string)
            #expect(fired.response.headers["Location"] == "/api/jobs/\(id)")
            #expect(fired.json["metadata"]?["schedule_id"]?.string == made["schedule_id"]?.string)
            #expect(fired.json["tags"]?.elements.compactMap(\.string) == ["t"])
            #expect(try await leased.jobID.description == id)
            let schedule = try await fixture.send("GET", path).json
            #expect(schedule["fired_count"]?.int == 1)
            #expect(schedule["last_job_id"]?.string == id)
            #expect(schedule["next_at"]?.isNull == true)
            #expect(schedule["version"]?.int == 1)
        }
    }

    @Test func `firing while the unique key is taken gives the job that has it, or a refusal`() async throws {
        try await JobQueueFixture.run { fixture in
            let body = { (conflict: String) in
                #"{"cron":"@yearly","job":{"params":{},"unique":{"key":"k","on_conflict":"\#(conflict)"}}}"#
            }
            let (path, _) = try await Self.create(fixture, body("return_existing"))
            let first = try await fixture.send("POST", "\(path)/fire")
            let second = try await fixture.send("POST", "\(path)/fire")
            #expect(first.status == 201)
            #expect(second.status == 200)
            #expect(second.json["job_id"]?.string == first.json["job_id"]?.string)
            #expect(try await fixture.send("GET", path).json["fired_count"]?.int == 1)
            let (strict, _) = try await Self.create(fixture, body("reject"))
            #expect(try await fixture.send("POST", "\(strict)/fire").code == "CONFLICT")
            #expect(try await fixture.send("GET", strict).json["fired_count"]?.int == 0)
        }
    }

    @Test func `a new schedule is fired at its times without anybody looking`() async throws {
        try await JobQueueFixture.run { fixture in
            let (path, made) = try await Self.create(fixture, #"{"every_ms":1000,"job":{"params":{}}}"#)
            let start = try #require(made["created_at"]?.string.flatMap { Timestamp($0) })
            try await eventually { try await fixture.send("GET", path).json["fired_count"]?.int ?? 0 >= 2 }
            let jobs = try await fixture.send("GET", "/api/jobs").json["items"]?.elements.map { $0 } ?? []
            let ticks = jobs.compactMap { $0["metadata"]?["scheduled_at"]?.string.flatMap { Timestamp($0) } }
            #expect(ticks.reversed().prefix(2) == [start + .seconds(1), start + .seconds(2)])
            let late = jobs.compactMap { $0["created_at"]?.string.flatMap { Timestamp($0) } }
            for (tick, made) in zip(ticks, late) { #expect(made >= tick) }
        }
    }

    @Test func `a change by another replica is noticed`() async throws {
        try await JobQueueFixture.run { fixture in
            // This replica has looked at what is due and when something will be, and sleeps.
            let looks: SQL = """
                SELECT coalesce(seq_scan, 0) + coalesce(idx_scan, 0) FROM pg_stat_user_tables
                WHERE schemaname = 'jobs' AND relname = 'schedules'
                """
            try await eventually { try await fixture.pool.query(looks)[0].decode(0, as: Int.self) >= 2 }
            // The other one stores a schedule and dies.
            let draft = try ScheduleDraft(
                JSONDocument(parsing: #"{"every_ms":1000,"job":{"params":{}}}"#).root,
                ZoneDatabase()
            )
            let now = WallClock.system.now()
            let id: ScheduleID = IdentifierSource().next()
            let insert = ScheduleStatements.insert(
                draft,
                id: id,
                project: nil,
                nextAt: now + .seconds(1),
                by: "other",
                at: now
            )
            _ = try await fixture.pool.atomically([insert, ScheduleStatements.announce])
            try await withDeadline(.seconds(20), for: "the first run") {
                while try await fixture.send("GET", "/api/schedules/\(id)").json["fired_count"]?.int == 0 {
                    await Task.yield()
                }
            }
        }
    }

    @Test func `lists are paged, and a key sees and changes what belongs to its project`() async throws {
        try await JobQueueFixture.run { fixture in
            let project = "019ca8ba-0000-7000-8000-00000000000a"
            let made = try await fixture.send(
                "POST",
                "/api/keys",
                "{\"name\":\"ci\",\"scopes\":[\"jobs:manage\",\"jobs:read\"],\"project_id\":\"\(project)\"}"
            )
            let token = try #require(made.json["token"]?.string)
            let (foreign, _) = try await Self.create(fixture)
            let own = try await fixture.send("POST", "/api/schedules", Self.yearly, token: token)
            #expect(own.json["project_id"]?.string == project)
            let path = "/api/schedules/\(own.json["schedule_id"]?.string ?? "")"
            for (method, path, body) in [
                ("GET", foreign, nil), ("PUT", foreign, Self.yearly), ("DELETE", foreign, nil),
                ("POST", "\(foreign)/fire", nil), ("POST", "\(foreign)/pause", nil), ("POST", "\(foreign)/resume", nil),
            ] as [(String, String, String?)] {
                #expect(try await fixture.send(method, path, body, token: token).code == "SCHEDULE_NOT_FOUND")
            }
            let seen = try await fixture.send("GET", "/api/schedules", token: token).json["items"]?.elements.map { $0 }
            #expect(seen?.count == 1)
            let fired = try await fixture.send("POST", "\(path)/fire", token: token)
            #expect(fired.json["project_id"]?.string == project)
            // Who sees all projects may change it, and it stays where it is.
            let put = try await fixture.send("PUT", path, Self.yearly)
            #expect(put.json["project_id"]?.string == project)

            var ids: [String] = []
            var cursor: String?
            for _ in 0..<3 { ids.insert(try await Self.create(fixture).path, at: 0) }
            var listed: [String] = []
            repeat {
                let query = "?limit=2" + (cursor.map { "&cursor=\($0)" } ?? "")
                let page = try await fixture.send("GET", "/api/schedules\(query)").json
                listed += page["items"]?.elements.compactMap { $0["schedule_id"]?.string } ?? []
                cursor = page["next_cursor"]?.string
            } while cursor != nil
            #expect(listed.map { "/api/schedules/\($0)" } == ids + [path, foreign])
        }
    }

    @Test func `reading needs jobs:read, changing jobs:manage`() async throws {
        try await JobQueueFixture.run { fixture in
            let (path, _) = try await Self.create(fixture)
            var tokens: [String] = []
            for scope in ["jobs:read", "jobs:manage", "jobs:submit"] {
                let made = try await fixture.send("POST", "/api/keys", "{\"name\":\"k\",\"scopes\":[\"\(scope)\"]}")
                tokens.append(try #require(made.json["token"]?.string))
            }
            for (method, path, body) in [
                ("POST", "/api/schedules", Self.yearly), ("PUT", path, Self.yearly), ("POST", "\(path)/fire", nil),
                ("POST", "\(path)/pause", nil), ("POST", "\(path)/resume", nil), ("DELETE", path, nil),
            ] as [(String, String, String?)] {
                #expect(try await fixture.send(method, path, body, token: tokens[0]).code == "FORBIDDEN")
                #expect(try await fixture.send(method, path, body, token: tokens[2]).code == "FORBIDDEN")
            }
            #expect(try await fixture.send("GET", path, token: tokens[0]).status == 200)
            #expect(try await fixture.send("GET", path, token: tokens[1]).code == "FORBIDDEN")
            #expect(try await fixture.send("DELETE", path, token: tokens[1]).status == 204)
        }
    }

    /// Bodies that are refused, with the pointers of what is wrong.
    static let mistakes: [(String, [String])] = [
        ("{}", ["/job"]), (#"{"job":{"params":{}}}"#, ["/cron"]),
        (#"{"cron":"@daily","every_ms":1000,"job":{"params":{}}}"#, ["/every_ms"]),
        (#"{"every_ms":999,"job":{"params":{}}}"#, ["/every_ms"]),
        (#"{"every_ms":1000.5,"job":{"params":{}}}"#, ["/every_ms"]),
        (#"{"cron":"","job":{"params":{}}}"#, ["/cron"]), (#"{"cron":"* * * *","job":{"params":{}}}"#, ["/cron"]),
        (#"{"cron":"0 0 30 2 *","job":{"params":{}}}"#, ["/cron"]),
        (#"{"cron":"@daily","timezone":"Mars","job":{"params":{}}}"#, ["/timezone"]),
        (#"{"cron":"@daily","timezone":"../../etc/passwd","job":{"params":{}}}"#, ["/timezone"]),
        (#"{"cron":"@daily","missed":"all","job":{"params":{}}}"#, ["/missed"]),
        (#"{"cron":"@daily","paused":"no","job":{"params":{}}}"#, ["/paused"]),
        (#"{"cron":"@daily","crom":1,"job":{"params":{}}}"#, ["/crom"]),
        (#"{"cron":"@daily","job":{}}"#, ["/job/params"]),
        (#"{"cron":"@daily","job":{"params":{},"prio":1}}"#, ["/job/prio"]),
        (#"{"cron":"@daily","job":{"params":{},"queue":"a b"}}"#, ["/job/queue"]),
        (#"{"cron":"@daily","job":{"params":{},"callback_url":"ftp://x/y"}}"#, ["/job/callback_url"]),
        (#"{"cron":"@daily","job":{"params":{},"tags":["a","\u0000"]}}"#, ["/job/tags/1"]),
        (
            #"{"cron":"@daily","job":{"params":{},"unique":{"key":"\u0000"},"depends_on":["019ca8ba-0000-7000-8000-000000000001"]}}"#,
            ["/job/depends_on", "/job/unique/key"]
        ), (#"{"cron":"@daily","job":{"params":{},"unique":{"key":"k","window_ms":1}}}"#, ["/job/unique/window_ms"]),
        (
            #"{"cron":"x","timezone":"y","job":{"params":{},"run_at":"2030-01-01T00:00:00Z","deadline_at":"2030-01-01T00:00:00Z"}}"#,
            ["/cron", "/timezone", "/job/run_at", "/job/deadline_at"]
        ),
        (#"{"cron":"@daily","job":{"kind":"speech","params":{"txt":"a"}}}"#, ["/job/params/txt", "/job/params/text"]),
    ]

    @Test func `what does not fit is refused with its place, and nothing is stored`() async throws {
        try await JobQueueFixture.run(["PROVIDER_PRESETS": "speech"]) { fixture in
            let (path, made) = try await Self.create(fixture)
            for (body, pointers) in Self.mistakes {
                for (method, path) in [("POST", "/api/schedules"), ("PUT", path)] {
                    let answer = try await fixture.send(method, path, body)
                    #expect(answer.status == 400, "\(body)")
                    #expect(answer.code == "VALIDATION_FAILED", "\(body)")
                    #expect(answer.pointers == pointers, "\(body): \(answer.response.text)")
                }
            }
            let card = #"{"cron":"@daily","job":{"params":{},"card_id":"019ca8ba-0000-7000-8000-000000000001"}}"#
            #expect(try await fixture.send("POST", "/api/schedules", card).code == "CARD_NOT_FOUND")
            #expect(try await fixture.send("GET", path).json.raw == made.raw)
            #expect(try await fixture.send("GET", "/api/schedules/x").code == "SCHEDULE_NOT_FOUND")
            #expect(try await fixture.send("GET", "/api/schedules?limit=0").pointers == ["?limit"])
            let count = try await fixture.pool.query("SELECT count(*) FROM jobs.schedules")
            #expect(try count[0].decode(0, as: Int.self) == 1)
            let cron = try await fixture.send("POST", "/api/schedules", #"{"cron":"61 * * * *","job":{"params":{}}}"#)
            #expect(cron.json["error"]?["message"]?.string == "/cron minute, at character 1: must be from 0 to 59")
        }
    }
}
