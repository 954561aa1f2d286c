import Contracts
import JSON
import Kernel
import TestSupport
import Testing

@testable import NotificationService

/// Updates on their way from the database to sockets.
@Suite(.timeLimit(.minutes(3))) struct LiveTests {
    @Test func `an update comes from the log over the broker to the socket`() async throws {
        try await NotificationFixture.run { fixture in
            let card: CardID = IdentifierSource().next()
            let socket = try await fixture.socket("/ws?context_id=\(card)")
            let subscribed = try await socket.next("subscribed")
            #expect(subscribed["context_id"]?.string == "\(card)")
            let snapshot = try await socket.next("snapshot")
            #expect(snapshot["jobs"]?.elements.map { $0 }.count == 0)
            #expect(snapshot["last"]?.bool == true)
            let job = try await fixture.job(card: card)
            let update = try await socket.next("job_update")
            #expect(update["data"]?["job_id"]?.string == "\(job)")
            #expect(update["data"]?["status"]?.string == "queued")
            #expect(update["cursor"]?.string == update["data"]?["position"]?.string)
            try await fixture.change([job], to: .processing)
            try await fixture.change([job], to: .completed)
            #expect(try await socket.next("job_update")["data"]?["seq"]?.int == 2)
            #expect(try await socket.next("job_update")["data"]?["status"]?.string == "completed")
        }
    }

    @Test func `what happens in a project is told to those who watch it, and to nobody else`() async throws {
        try await NotificationFixture.run { fixture in
            let (mine, other): (ProjectID, ProjectID) = (IdentifierSource().next(), IdentifierSource().next())
            try await fixture.job(project: other)
            let first = try await fixture.job(project: mine)
            let token = try await fixture.key([.eventsRead], project: mine)
            let socket = try await fixture.socket("/ws?context_id=project:\(mine)", token: token)
            let snapshot = try await socket.next("snapshot")
            #expect(snapshot["jobs"]?.elements.compactMap { $0["job_id"]?.string } == ["\(first)"])
            let neighbour = try await fixture.socket("/ws?context_id=project:\(other)")
            _ = try await neighbour.next("snapshot")
            for _ in 0..<3 {
                // In the order of the log: what were told of the other project would come first.
                let foreign = try await fixture.job(project: other)
                let own = try await fixture.job(project: mine)
                #expect(try await neighbour.next("job_update")["data"]?["job_id"]?.string == "\(foreign)")
                #expect(try await socket.next("job_update")["data"]?["job_id"]?.string == "\(own)")
            }
        }
    }
}
