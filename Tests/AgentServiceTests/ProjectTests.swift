import Contracts
import HTTPClient
import JSON
import Kernel
import Postgres
import Store
import Testing

@testable import AgentService

/// Projects, activities and cards as people edit them.
@Suite(.timeLimit(.minutes(2))) struct ProjectTests {
    @Test func `a project is made, changed, listed and deleted`() async throws {
        try await AgentFixture.run { fixture in
            let made = try await fixture.send(
                "POST",
                "/api/projects",
                #"{"title":"Film","description":"d","metadata":{"n":9007199254740993}}"#
            )
            #expect(made.status == 201)
            let id = try #require(made.json["project_id"]?.string)
            #expect(made.response.headers["Location"] == "/api/projects/\(id)")
            #expect(made.version == 1)
            #expect(made.json["metadata"]?["n"]?.int == 9_007_199_254_740_993)
            let changed = try await fixture.send("PATCH", "/api/projects/\(id)", #"{"description":null}"#)
            #expect(changed.status == 200)
            #expect(changed.json["title"]?.string == "Film")
            #expect(changed.json["description"]?.isNull == true)
            #expect(changed.version == 2)
            let list = try await fixture.send("GET", "/api/projects").json["items"]?.elements.map { $0 }
            #expect(list?.compactMap { $0["project_id"]?.string } == [id])
            #expect(try await fixture.send("DELETE", "/api/projects/\(id)").status == 204)
            let gone = try await fixture.send("GET", "/api/projects/\(id)")
            #expect(gone.status == 404)
            #expect(gone.code == "PROJECT_NOT_FOUND")
        }
    }

    @Test func `all mistakes of a body are told at once`() async throws {
        try await AgentFixture.run { fixture in
            let project = try await fixture.project()
            let answer = try await fixture.send(
                "POST",
                "/api/projects/\(project)/activities",
                #"{"title":"","task_type":"smell","cards":[{"titel":"x"}],"extra":1}"#
            )
            #expect(answer.status == 400)
            #expect(
                Set(answer.pointers)
                    .isSuperset(of: ["/title", "/task_type", "/cards/0/titel", "/extra"])
            )
            let nul = try await fixture.send("POST", "/api/projects", #"{"title":"a\u0000b"}"#)
            #expect(nul.status == 400)
            let large = String(repeating: "x", count: Bounds.objectBytes)
            let tooLarge = try await fixture.send(
                "POST",
                "/api/projects",
                #"{"title":"a","metadata":{"x":"\#(large)"}}"#
            )
            #expect(tooLarge.pointers == ["/metadata"])
        }
    }

    @Test func `a stale version is refused and changes nothing`() async throws {
        try await AgentFixture.run { fixture in
            let (_, card) = try await fixture.card()
            let path = "/api/cards/\(card)"
            let first = try await fixture.send("PATCH", path, #"{"title":"a"}"#, headers: [("If-Match", "\"1\"")])
            #expect(first.version == 2)
            let stale = try await fixture.send("PATCH", path, #"{"title":"b"}"#, headers: [("If-Match", "\"1\"")])
            #expect(stale.status == 409)
            #expect(stale.code == "STALE_VERSION")
            let unquoted = try await fixture.send("PATCH", path, #"{"title":"b"}"#, headers: [("If-Match", "2")])
            #expect(unquoted.status == 400)
            let card2 = try await fixture.send("GET", path)
            #expect(card2.json["title"]?.string == "a")
            #expect(card2.version == 2)
        }
    }

    @Test func `two edits of the same version do not both succeed`() async throws {
        try await AgentFixture.run { fixture in
            let (_, card) = try await fixture.card()
            let statuses = try await withThrowingTaskGroup(of: Int.self) { group in
                for number in 0..<8 {
                    group.addTask {
                        try await fixture.send(
                            "PATCH",
                            "/api/cards/\(card)",
                            #"{"title":"\#(number)"}"#,
                            headers: [("If-Match", "\"1\"")]
                        )
                        .status
                    }
                }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            #expect(statuses.filter { $0 == 200 }.count == 1)
            #expect(statuses.filter { $0 == 409 }.count == 7)
        }
    }

    @Test func `the same key makes one activity`() async throws {
        try await AgentFixture.run { fixture in
            let project = try await fixture.project()
            let path = "/api/projects/\(project)/activities"
            let body = #"{"title":"A","task_type":"text","cards":[{"title":"1"},{"title":"2"}]}"#
            let answers = try await withThrowingTaskGroup(of: AgentFixture.Answer.self) { group in
                for _ in 0..<6 {
                    group.addTask {
                        try await fixture.send("POST", path, body, headers: [("Idempotency-Key", "once")])
                    }
                }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            #expect(answers.allSatisfy { $0.status == 201 })
            #expect(Set(answers.map(\.response.body)).count == 1)
            let list = try await fixture.send("GET", path).json["items"]?.elements.map { $0 } ?? []
            #expect(list.count == 1)
            #expect(list.first?["cards"]?.elements.compactMap { $0["position"]?.int } == [1, 2])
        }
    }

    @Test func `a token for one project sees no other`() async throws {
        try await AgentFixture.run { fixture in
            let mine = try await fixture.project("mine")
            let (foreign, foreignCard) = try await fixture.card()
            let key = try await fixture.send(
                "POST",
                "/api/keys",
                #"{"name":"k","scopes":["projects:read","projects:write"],"project_id":"\#(mine)"}"#
            )
            let token = try #require(key.json["token"]?.string)
            #expect(try await fixture.send("GET", "/api/projects/\(mine)", token: token).status == 200)
            for path in [
                "/api/projects/\(foreign)", "/api/projects/\(foreign)/memory", "/api/projects/\(foreign)/assets",
                "/api/cards/\(foreignCard)", "/api/cards/\(foreignCard)/memory",
            ] {
                #expect(try await fixture.send("GET", path, token: token).status == 404, "\(path)")
            }
            let list = try await fixture.send("GET", "/api/projects", token: token).json["items"]?.elements.map { $0 }
            #expect(list?.compactMap { $0["project_id"]?.string } == [mine.description])
            let patch = try await fixture.send("PATCH", "/api/cards/\(foreignCard)", #"{"title":"x"}"#, token: token)
            #expect(patch.status == 404)
            #expect(try await fixture.send("DELETE", "/api/projects/\(foreign)", token: token).status == 404)
            #expect(try await fixture.send("POST", "/api/projects", #"{"title":"x"}"#, token: token).status == 403)
            #expect(try await fixture.send("GET", "/api/cards/\(foreignCard)/jobs", token: token).status == 403)
        }
    }

    @Test func `changes are reported in the log, and so is what a deletion takes along`() async throws {
        try await AgentFixture.run { fixture in
            let project = try await fixture.project()
            let (activity, cards) = try await fixture.activity(in: project, cards: 2)
            _ = try await fixture.send("PATCH", "/api/cards/\(cards[0])", #"{"title":"new"}"#)
            _ = try await fixture.send("POST", "/api/cards/\(cards[0])/move", #"{"position":2}"#)
            #expect(try await fixture.send("DELETE", "/api/projects/\(project)").status == 204)
            let events = try await fixture.events(of: cards[0].uuid)
            #expect(events.map(\.change) == ["created", "updated", "moved", "deleted"])
            #expect(events.map(\.seq) == [1, 2, 3, 4])
            #expect(events.allSatisfy { $0.type == "card.updated" })
            #expect(try await fixture.events(of: cards[1].uuid).map(\.change) == ["created", "deleted"])
            // These two names are the envelope's, which the relay adds.
            let bodies: [RawJSON] = try await fixture.pool.query("SELECT body FROM shared.events")
                .map { try $0.decode(0) }
            for body in bodies {
                let event = try JSONDocument(parsing: body.bytes).root
                #expect(event["position"] == nil && event["prev_position"] == nil)
                #expect(event["event_id"]?.string != nil && event["type"]?.string != nil)
            }
            #expect(try await fixture.events(of: activity.uuid).map(\.change) == ["created", "deleted"])
        }
    }

    @Test func `a list is paged without repeating or leaving out`() async throws {
        try await AgentFixture.run { fixture in
            let project = try await fixture.project()
            let (activity, cards) = try await fixture.activity(in: project, cards: 7)
            var seen: [String] = []
            var cursor: String?
            repeat {
                let more = cursor.map { "&cursor=\($0)" } ?? ""
                let page = try await fixture.send("GET", "/api/activities/\(activity)/cards?limit=3\(more)")
                seen += page.json["items"]?.elements.compactMap { $0["card_id"]?.string } ?? []
                cursor = page.json["next_cursor"]?.string
            } while cursor != nil
            #expect(seen == cards.map(\.description))
            let foreign = Base64URL.encode(IdentifierSource().uuid().bytes)
            let lost = try await fixture.send("GET", "/api/activities/\(activity)/cards?cursor=\(foreign)")
            #expect(lost.pointers == ["?cursor"])
        }
    }
}
