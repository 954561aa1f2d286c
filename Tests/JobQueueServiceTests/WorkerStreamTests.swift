import Contracts
import JSON
import Kernel
import Postgres
import TestSupport
import Testing

@testable import JobQueueService

/// Leases pushed over a WebSocket, to workers that grant credits.
@Suite(.timeLimit(.minutes(2))) struct WorkerStreamTests {
    /// A worker on a stream.
    struct StreamWorker {
        let id: String
        let socket: SocketClient

        func say(_ type: String, _ members: String) async throws {
            try await socket.send("{\"type\":\"\(type)\",\(members)}")
        }

        /// Says a verb for a lease, and what it is answered.
        func say(_ verb: String, _ lease: JSONElement, _ more: String = "") async throws -> String? {
            try await say(verb, "\"id\":\"\(verb)\",\"items\":[{\(key(lease))\(more)}]")
            return try await reply(verb)["items"]?.elements.first { _ in true }?["status"]?.string
        }

        func key(_ lease: JSONElement) -> String {
            "\"job_id\":\"\(lease["job_id"]?.string ?? "")\",\"fence\":\(lease["fence"]?.int ?? -1)"
        }

        func reply(_ id: String) async throws -> JSONElement {
            let reply = try await socket.next("reply")
            try #require(reply["id"]?.string == id)
            return reply
        }

        func leases(_ count: Int) async throws -> [JSONElement] {
            var leases: [JSONElement] = []
            while leases.count < count {
                leases += try await socket.next("leases")["leases"]?.elements.map { $0 } ?? []
            }
            return leases
        }
    }

    private static func open(_ fixture: JobQueueFixture, capacity: Int = 10) async throws -> StreamWorker {
        let session = try await fixture.send(
            "POST",
            "/api/workers",
            #"{"name":"s","kinds":["generate"],"capacity":\#(capacity)}"#
        )
        let id = try #require(session.json["worker_id"]?.string)
        return StreamWorker(id: id, socket: try await connect(fixture, id))
    }

    private static func connect(_ fixture: JobQueueFixture, _ id: String) async throws -> SocketClient {
        let socket = try SocketClient.connect(fixture.port)
        let status = try await socket.upgrade(
            "/api/workers/\(id)/stream",
            headers: ["Authorization: Bearer dev-token", "Sec-WebSocket-Protocol: \(WorkerStreamDoor.subprotocol)"]
        )
        try #require(status == 101)
        return socket
    }

    @Test func `leases are pushed for credits, and verbs are answered by their ids`() async throws {
        try await JobQueueFixture.run { fixture in
            let worker = try await WorkerStreamTests.open(fixture)
            try await worker.say("credit", #""grant":1"#)
            // The worker waits before there is a job: it is pushed as it comes.
            let id = try await fixture.submit(#"{"params":{"text":"hi"}}"#)
            let second = try await fixture.submit()
            let lease = try await worker.leases(1)[0]
            #expect(lease["job_id"]?.string == id.description)
            #expect(lease["params"]?["text"]?.string == "hi")
            #expect(try await worker.say("start", lease) == "ok")
            #expect(try await worker.say("progress", lease, #","fraction":0.5,"checkpoint":{"n":1}"#) == "ok")
            #expect(try await worker.say("log", lease, #","lines":["one"]"#) == "ok")
            try await worker.say("heartbeat", #""id":"h""#)
            let beat = try await worker.reply("h")
            #expect(beat["command"]?.string == "continue")
            #expect(beat["cancel"]?.elements.map { $0 }.isEmpty == true)
            // Start and complete of the same job need no waiting in between: order is kept.
            try await worker.say("complete", #""id":"a","items":[{\#(worker.key(lease)),"result":{"n":1}}]"#)
            try await worker.say("complete", #""id":"b","items":[{\#(worker.key(lease))}]"#)
            for id in ["a", "b"] {
                #expect(try await worker.reply(id)["items"]?.elements.first { _ in true }?["status"]?.string == "ok")
            }
            #expect(try await worker.say("fail", lease, #","code":"X","message":"late""#) == "LEASE_LOST")
            #expect(try await fixture.job(id)["result"]?["n"]?.int == 1)
            // The credit was used up, so the second job waits for another.
            #expect(try await fixture.job(second)["status"]?.string == "queued")
            #expect(try await fixture.pool.query("SELECT FROM jobs.leases").count == 0)
            try await worker.say("credit", #""grant":5"#)
            #expect(try await worker.leases(1)[0]["job_id"]?.string == second.description)
        }
    }

    @Test func `closing hands back what was not started, and keeps what was`() async throws {
        try await JobQueueFixture.run { fixture in
            for _ in 0..<3 { _ = try await fixture.submit(#"{"params":{},"max_attempts":1}"#) }
            let worker = try await WorkerStreamTests.open(fixture)
            try await worker.say("credit", #""grant":10"#)
            let leases = try await worker.leases(3)
            #expect(try await worker.say("start", leases[0]) == "ok")
            await worker.socket.drop()
            let heir = try await fixture.worker()
            var inherited: Set<String> = []
            while inherited.count < 2 {
                for lease in try await fixture.queue.dispatcher.acquire(heir, limit: 3, wait: .seconds(20)) {
                    inherited.insert(lease.jobID.description)
                }
            }
            #expect(inherited == Set(leases.dropFirst().compactMap { $0["job_id"]?.string }))
            // The session lives: what was started is ended on another stream.
            let again = StreamWorker(id: worker.id, socket: try await WorkerStreamTests.connect(fixture, worker.id))
            #expect(try await again.say("complete", leases[0]) == "ok")
            #expect(try await again.say("start", leases[1]) == "LEASE_LOST")
        }
    }

    @Test func `credits never reach beyond the capacity, and what ends makes room`() async throws {
        try await JobQueueFixture.run { fixture in
            for _ in 0..<5 { _ = try await fixture.submit() }
            let worker = try await WorkerStreamTests.open(fixture, capacity: 2)
            try await worker.say("credit", #""grant":1000"#)
            var done = 0
            while done < 5 {
                let message = try #require(try await worker.socket.next().message)
                for lease in message["leases"]?.elements.map({ $0 }) ?? [] {
                    let held: Int = try await fixture.pool.query("SELECT count(*) FROM jobs.leases")[0].decode(0)
                    #expect((1...2).contains(held))
                    // In order: nothing needs to be waited for in between.
                    for verb in ["start", "complete"] {
                        try await worker.say(verb, #""id":"\#(verb)","items":[{\#(worker.key(lease))}]"#)
                    }
                }
                guard message["type"]?.string == "reply" else { continue }
                #expect(message["items"]?.elements.first { _ in true }?["status"]?.string == "ok")
                if message["id"]?.string == "complete" { done += 1 }
            }
            #expect(try await fixture.pool.query("SELECT FROM jobs.jobs WHERE status <> 'completed'").count == 0)
        }
    }

    @Test func `a draining worker is told so and pushed nothing`() async throws {
        try await JobQueueFixture.run { fixture in
            let worker = try await WorkerStreamTests.open(fixture)
            #expect(try await fixture.send("POST", "/api/workers/\(worker.id)/drain").status == 204)
            try await worker.say("credit", #""grant":1"#)
            let id = try await fixture.submit()
            try await worker.say("heartbeat", #""id":"h""#)
            #expect(try await worker.reply("h")["command"]?.string == "drain")
            let other = try await fixture.lease(try await fixture.worker())
            #expect(other.jobID == id)
            // Over HTTP it is the same.
            _ = try await fixture.submit()
            let acquired = try await fixture.send("POST", "/api/workers/\(worker.id)/acquire", "{}")
            #expect(acquired.json["leases"]?.elements.map { $0 }.isEmpty == true)
        }
    }

    @Test func `who may not work, or names no session, is refused before the upgrade`() async throws {
        try await JobQueueFixture.run { fixture in
            let worker = try await fixture.worker()
            func status(_ path: String, _ headers: [String]) async throws -> Int {
                try await SocketClient.connect(fixture.port).upgrade(path, headers: headers)
            }
            #expect(try await status("/api/workers/\(worker.id)/stream", []) == 401)
            let token = ["Authorization: Bearer dev-token"]
            #expect(try await status("/api/workers/\(JobID(UUID(high: 0, low: 0)))/stream", token) == 404)
            #expect(try await status("/api/workers/x/stream", token) == 404)
            let key = try await fixture.send("POST", "/api/keys", #"{"name":"k","scopes":["jobs:read"]}"#)
            let weak = ["Authorization: Bearer \(key.json["token"]?.string ?? "")"]
            #expect(try await status("/api/workers/\(worker.id)/stream", weak) == 403)
        }
    }

    @Test func `a message that makes no sense is answered, and too many at once close the stream`() async throws {
        try await JobQueueFixture.run { fixture in
            let worker = try await WorkerStreamTests.open(fixture)
            for (message, code, id) in [
                ("nonsense", "INVALID_JSON", nil), (#"{"type":"dance","id":"1"}"#, "VALIDATION_FAILED", "1"),
                (#"{"type":"start","id":"2","items":[]}"#, "VALIDATION_FAILED", "2"),
                (#"{"type":"start","items":[]}"#, "VALIDATION_FAILED", nil),
                (#"{"type":"credit","grant":0}"#, "VALIDATION_FAILED", nil),
                (#"{"type":"heartbeat","id":"3","typo":1}"#, "VALIDATION_FAILED", "3"),
            ] as [(String, String, String?)] {
                try await worker.socket.send(message)
                let error = try await worker.socket.next("error")
                #expect(error["code"]?.string == code)
                #expect(error["id"]?.string == id)
            }
            // A job whose row somebody holds lets the verbs behind it wait.
            let id = try await fixture.submit()
            try await worker.say("credit", #""grant":1"#)
            let lease = try await worker.leases(1)[0]
            try await fixture.pool.withTransaction { transaction in
                _ = try transaction.query(JobStatements.lock([id]))
                for number in 0..<300 {
                    try await worker.say("start", #""id":"\#(number)","items":[{\#(worker.key(lease))}]"#)
                }
                let closing = try await worker.socket.closing()
                #expect(closing.code == 4029)
            }
        }
    }

    @Test func `a lease whose answer was lost goes back when the worker does not list it`() async throws {
        try await JobQueueFixture.run(["LEASE_MS": "60000"]) { fixture in
            let known = try await fixture.submit()
            let lost = try await fixture.submit()
            let worker = try await fixture.worker()
            let first = try await fixture.lease(worker)
            let second = try await fixture.lease(worker)
            func beat(_ holding: [LeaseKey]) async throws {
                let list = holding.map { "{\"job_id\":\"\($0.jobID)\",\"fence\":\($0.fence)}" }.joined(separator: ",")
                let path = "/api/workers/\(worker.id)/heartbeat"
                #expect(try await fixture.send("POST", path, "{\"holding\":[\(list)]}").status == 200)
            }
            // It may be on its way to the worker still.
            try await beat([first])
            #expect(try await fixture.pool.query("SELECT FROM jobs.leases").count == 2)
            _ = try await fixture.pool.execute("UPDATE jobs.leases SET leased_at = now() - interval '61 s'")
            try await beat([first])
            let heir = try await fixture.lease(try await fixture.worker())
            #expect(heir.jobID == lost)
            #expect(heir.fence > second.fence)
            #expect(try await fixture.queue.dispatcher.start(first) == .ok)
            #expect(first.jobID == known)
        }
    }
}
