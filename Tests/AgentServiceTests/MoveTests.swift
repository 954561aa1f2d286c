import Contracts
import JSON
import Kernel
import Testing

@testable import AgentService

/// Places are 1…n without holes and without twins, whatever happens at the same time.
@Suite(.timeLimit(.minutes(2))) struct MoveTests {
    @Test(arguments: [
        (1, 3, ["2", "3", "1", "4"]), (4, 1, ["4", "1", "2", "3"]), (2, 2, ["1", "2", "3", "4"]),
        (1, 99, ["2", "3", "4", "1"]),
    ])
    func `a move inside an activity shifts the neighbours`(from: Int, to: Int, expected: [String]) async throws {
        try await AgentFixture.run { fixture in
            let (activity, cards) = try await fixture.activity(in: try await fixture.project(), cards: 4)
            let moved = try await fixture.send("POST", "/api/cards/\(cards[from - 1])/move", #"{"position":\#(to)}"#)
            #expect(moved.status == 200)
            #expect(moved.position == min(to, 4))
            let order = try await fixture.cards(in: activity)
            #expect(order.map(\.title) == expected)
            #expect(order.map(\.position) == [1, 2, 3, 4])
        }
    }

    @Test func `a card moves to another activity and both stay whole`() async throws {
        try await AgentFixture.run { fixture in
            let project = try await fixture.project()
            let source = try await fixture.activity(in: project, cards: 3)
            let target = try await fixture.activity(in: project, cards: 2)
            let body = #"{"position":2,"activity_id":"\#(target.id)"}"#
            let moved = try await fixture.send("POST", "/api/cards/\(source.cards[0])/move", body)
            #expect(moved.status == 200)
            #expect(moved.json["activity_id"]?.string == target.id.description)
            #expect(try await fixture.cards(in: source.id).map(\.position) == [1, 2])
            let order = try await fixture.cards(in: target.id)
            #expect(order.map(\.title) == ["1", "1", "2"])
            #expect(order.map(\.position) == [1, 2, 3])
        }
    }

    @Test func `a card stays in its project`() async throws {
        try await AgentFixture.run { fixture in
            let (_, card) = try await fixture.card()
            let other = try await fixture.activity(in: try await fixture.project())
            let body = #"{"position":1,"activity_id":"\#(other.id)"}"#
            let answer = try await fixture.send("POST", "/api/cards/\(card)/move", body)
            #expect(answer.status == 409)
            #expect(answer.code == "CONFLICT")
        }
    }

    @Test func `activities move, and a deletion closes the gap`() async throws {
        try await AgentFixture.run { fixture in
            let project = try await fixture.project()
            var ids: [ActivityID] = []
            for _ in 0..<4 { ids.append(try await fixture.activity(in: project).id) }
            let moved = try await fixture.send("POST", "/api/activities/\(ids[3])/move", #"{"position":1}"#)
            #expect(moved.position == 1)
            #expect(try await fixture.send("DELETE", "/api/activities/\(ids[0])").status == 204)
            let list = try await fixture.send("GET", "/api/projects/\(project)/activities").json["items"]?.elements
                .map { $0 }
            #expect(
                list?.compactMap { $0["activity_id"]?.string } == [ids[3], ids[1], ids[2]].map(\.description)
            )
            #expect(list?.compactMap { $0["position"]?.int } == [1, 2, 3])
        }
    }

    @Test func `whatever moves, comes and goes at once, the places are whole`() async throws {
        try await AgentFixture.run { fixture in
            let project = try await fixture.project()
            let left = try await fixture.activity(in: project, cards: 8)
            let right = try await fixture.activity(in: project, cards: 8)
            let all = left.cards + right.cards
            let statuses = try await withThrowingTaskGroup(of: Int.self) { group in
                for (number, card) in all.enumerated() {
                    let target = number % 3 == 0 ? left.id : right.id
                    group.addTask {
                        try await fixture.send(
                            "POST",
                            "/api/cards/\(card)/move",
                            #"{"position":\#(number % 7 + 1),"activity_id":"\#(target)"}"#
                        )
                        .status
                    }
                    group.addTask {
                        try await fixture.send("PATCH", "/api/cards/\(card)", #"{"prompt":"p"}"#).status
                    }
                }
                for number in 0..<4 {
                    group.addTask {
                        let path = "/api/activities/\(number % 2 == 0 ? left.id : right.id)/cards"
                        return try await fixture.send("POST", path, #"{"title":"new"}"#).status
                    }
                    group.addTask { try await fixture.send("DELETE", "/api/cards/\(all[number])").status }
                }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            // A card that is deleted meanwhile is not found; nothing else may be refused, least of all by a deadlock.
            #expect(statuses.allSatisfy { [200, 201, 204, 404].contains($0) }, "\(statuses)")
            var total = 0
            for activity in [left.id, right.id] {
                let places = try await fixture.cards(in: activity).map(\.position)
                #expect(places == Array(1..<places.count + 1))
                total += places.count
            }
            #expect(total == 16 + 4 - 4)
        }
    }
}
