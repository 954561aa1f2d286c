import Concurrency
import Contracts
import Foundation
import Kernel
import Telemetry
import TestSupport
import Testing

@testable import NotificationService

/// Clients that come and go leave nothing behind.
@Suite(.timeLimit(.minutes(2))) struct ChurnTests {
    private func descriptors() throws -> Int {
        try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").count
    }

    @Test func `two thousand that come and go leave neither sockets nor watchers nor descriptors`() async throws {
        var options = NotificationFixture.Options()
        // What nobody watches goes at once.
        options.hub.contexts = 0
        try await NotificationFixture.run(options) { fixture in
            let hub = fixture.notification.hub
            let before = try descriptors()
            try await withThrowingTaskGroup(of: Void.self) { group in
                for lane in 0..<8 {
                    group.addTask {
                        for number in 0..<250 {
                            let socket = try await fixture.socket("/ws?context_id=queue:q\(lane)-\(number)")
                            // Some are gone before they are answered.
                            if number.isMultiple(of: 3) { _ = try await socket.next("subscribed") }
                            await socket.drop()
                        }
                    }
                }
                try await group.waitForAll()
            }
            try await eventually("all are gone") { hub.tables.isEmpty && hub.contextCount == 0 && hub.ringBytes == 0 }
            // The pool and the client may have opened a few more.
            try await eventually("their descriptors are") { try descriptors() < before + 20 }
            let text = fixture.metrics.prometheusText()
            #expect(text.contains("martlet_notify_connections 0"))
            #expect(text.contains("martlet_notify_subscriptions 0"))
        }
    }
}
