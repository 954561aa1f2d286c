import Contracts
import JSON
import Kernel
import Testing

@testable import AgentService

/// How the end of a job has its effect, once.
@Suite(.timeLimit(.minutes(2))) struct CallbackTests {
    let job: JobID = IdentifierSource().next()

    @Test func `a completed job's file becomes an asset and the card awaits review`() async throws {
        try await AgentFixture.run { fixture in
            let (project, card) = try await fixture.card()
            let digest = String(repeating: "cd", count: 32)
            let url = "/api/results/\(digest)"
            try await fixture.completedJob(
                job,
                card: card,
                project: project,
                result: #"{"sha256":"\#(digest)","bytes":12,"media_type":"image/png"}"#,
                url: url
            )
            let event = AgentFixture.event(job, card: card, url: url)
            let answer = try await fixture.deliver(event.body, key: event.id)
            #expect(answer.status == 200)
            #expect(answer.json["effect"]?.string == "asset_added")
            let assets = try await fixture.send("GET", "/api/projects/\(project)/assets").json["items"]?.elements
                .map { $0 }
            let asset = try #require(assets?.first)
            #expect(assets?.count == 1)
            #expect(asset["job_id"]?.string == job.description)
            #expect(asset["card_id"]?.string == card.description)
            #expect(asset["url"]?.string == url)
            #expect(asset["sha256"]?.string == digest)
            #expect(asset["bytes"]?.int == 12)
            #expect(asset["media_type"]?.string == "image/png")
            #expect(try await fixture.send("GET", "/api/cards/\(card)").json["status"]?.string == "review")
            #expect(try await fixture.events(of: card.uuid).map(\.change) == ["created", "asset_added"])
        }
    }

    @Test func `deliveries at the same time have one effect`() async throws {
        try await AgentFixture.run { fixture in
            let (project, card) = try await fixture.card()
            let event = AgentFixture.event(job, card: card)
            let effects = try await withThrowingTaskGroup(of: String?.self) { group in
                for _ in 0..<10 {
                    group.addTask {
                        try await fixture.deliver(event.body, key: event.id).json["effect"]?.string
                    }
                }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            #expect(effects.filter { $0 == "asset_added" }.count == 1)
            #expect(effects.filter { $0 == "repeated" }.count == 9)
            let list = try await fixture.send("GET", "/api/projects/\(project)/assets").json["items"]
            #expect(list?.elements.map { $0 }.count == 1)
            #expect(try await fixture.events(of: card.uuid).count == 2)
        }
    }

    @Test func `a decision on the card stands`() async throws {
        try await AgentFixture.run { fixture in
            let (_, card) = try await fixture.card()
            _ = try await fixture.send("PATCH", "/api/cards/\(card)", #"{"status":"approved"}"#)
            let event = AgentFixture.event(job, card: card)
            #expect(try await fixture.deliver(event.body, key: event.id).status == 200)
            let after = try await fixture.send("GET", "/api/cards/\(card)")
            #expect(after.json["status"]?.string == "approved")
            #expect(after.version == 2)
        }
    }

    @Test(arguments: ["failed", "cancelled", "expired"])
    func `a job that did not complete changes nothing and is remembered`(status: String) async throws {
        try await AgentFixture.run { fixture in
            let (_, card) = try await fixture.card()
            let event = AgentFixture.event(job, card: card, status: status, url: nil)
            #expect(try await fixture.deliver(event.body, key: event.id).json["effect"]?.string == "none")
            #expect(try await fixture.deliver(event.body, key: event.id).json["effect"]?.string == "repeated")
            #expect(try await fixture.send("GET", "/api/cards/\(card)").json["status"]?.string == "todo")
        }
    }

    @Test func `the callback of a deleted card is taken`() async throws {
        try await AgentFixture.run { fixture in
            let event = AgentFixture.event(job, card: IdentifierSource().next())
            let answer = try await fixture.deliver(event.body, key: event.id)
            #expect(answer.status == 200)
            #expect(answer.json["effect"]?.string == "none")
        }
    }

    @Test func `only who holds the secret is heard, and only lately`() async throws {
        try await AgentFixture.run { fixture in
            let (project, card) = try await fixture.card()
            let event = AgentFixture.event(job, card: card)
            let now = WallClock.system.now().seconds
            #expect(try await fixture.deliver(event.body, key: event.id, secret: "guess").status == 401)
            #expect(try await fixture.deliver(event.body, key: event.id, at: now - 301).status == 401)
            #expect(try await fixture.deliver(event.body, key: event.id, at: now + 302).status == 401)
            #expect(try await fixture.deliver(event.body, key: event.id, at: .max).status == 401)
            #expect(
                try await fixture.send("POST", "/internal/callbacks/jobs", event.body).status == 401
            )
            #expect(try await fixture.deliver(event.body, key: "another").status == 400)
            #expect(try await fixture.deliver(#"{"event_id":"x"}"#, key: "x").pointers == ["/job_id", "/status"])
            let list = try await fixture.send("GET", "/api/projects/\(project)/assets").json["items"]
            #expect(list?.elements.map { $0 }.isEmpty == true)
        }
    }

    @Test func `an asset is approved once, and the approval can be taken back`() async throws {
        try await AgentFixture.run { fixture in
            let (project, card) = try await fixture.card()
            let event = AgentFixture.event(job, card: card)
            #expect(try await fixture.deliver(event.body, key: event.id).status == 200)
            let list = try await fixture.send("GET", "/api/projects/\(project)/assets").json["items"]
            let id = try #require(list?.elements.map { $0 }.first?["asset_id"]?.string)
            let path = "/api/assets/\(id)/approval"
            let approvals = try await withThrowingTaskGroup(of: AgentFixture.Answer.self) { group in
                for _ in 0..<5 { group.addTask { try await fixture.send("POST", path, #"{"note":"good"}"#) } }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            #expect(approvals.allSatisfy { $0.status == 200 })
            #expect(approvals.first?.json["approval"]?["approved_by"]?.string == "dev")
            let uuid = try #require(UUID(id))
            #expect(try await fixture.events(of: uuid).map(\.type) == ["asset.approved"])
            let memory = try await fixture.send("GET", "/api/projects/\(project)/memory").json
            #expect(memory["approved_assets"]?.elements.compactMap { $0["asset_id"]?.string } == [id])
            #expect(memory["counts"]?["approved_assets"]?.int == 1)
            #expect(try await fixture.send("DELETE", path).status == 204)
            #expect(try await fixture.send("DELETE", path).code == "APPROVAL_NOT_FOUND")
            #expect(try await fixture.events(of: uuid).map(\.type) == ["asset.approved", "asset.revoked"])
            #expect(try await fixture.send("POST", path, "{}").status == 200)
            #expect(try await fixture.events(of: uuid).map(\.seq) == [1, 2, 3])
        }
    }

    @Test func `memory shows the newest fifty jobs, and what it leaves out is counted`() async throws {
        try await AgentFixture.run { fixture in
            let (project, card) = try await fixture.card()
            for _ in 0..<53 {
                try await fixture.completedJob(
                    IdentifierSource().next(),
                    card: card,
                    project: project,
                    result: nil,
                    url: nil
                )
            }
            let memory = try await fixture.send("GET", "/api/projects/\(project)/memory").json
            #expect(memory["recent_jobs"]?.elements.map { $0 }.count == 50)
            #expect(memory["counts"]?["jobs"]?.int == 53)
            #expect(memory["project"]?["project_id"]?.string == project.description)
            #expect(memory["activities"]?.elements.map { $0 }.first?["cards"]?.elements.map { $0 }.count == 1)
            let ofCard = try await fixture.send("GET", "/api/cards/\(card)/memory").json
            #expect(ofCard["card"]?["card_id"]?.string == card.description)
            #expect(ofCard["recent_jobs"]?.elements.map { $0 }.count == 50)
            let page = try await fixture.send("GET", "/api/cards/\(card)/jobs?limit=51")
            #expect(page.json["items"]?.elements.map { $0 }.count == 51)
            let missing: ProjectID = IdentifierSource().next()
            #expect(try await fixture.send("GET", "/api/projects/\(missing)/memory").status == 404)
        }
    }
}
