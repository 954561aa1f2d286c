import Contracts
import JSON
import Kernel
import TestSupport
import Testing

@testable import NotificationService

/// Updates on their way from the database to sockets.
@Suite(.timeLimit(.minutes(1))) struct LiveTests {
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
}
