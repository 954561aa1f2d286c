import Concurrency
import Lifecycle
import Messaging

/// Follows the event log while somebody listens to resources, and a little longer: who does not use this pays nothing
/// for it. A feed that begins says so, and whoever listens by then is told that all may have changed.
struct MCPFeed: Service {
    let name = "mcp feed"
    let subscriptions: MCPSubscriptions
    var linger = Duration.seconds(30)
    let feed: @Sendable () -> EventFeed

    func run(until stop: StopSignal) async throws {
        try await stop.cancelling {
            while true {
                while !subscriptions.areUsed { _ = try await subscriptions.changed.wait(atMost: .seconds(60)) }
                try await follow()
            }
        }
    }

    /// Follows until nobody has listened for a while.
    private func follow() async throws {
        let unused = StopSignal()
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await feed().run(until: unused) }
            group.addTask {
                repeat {
                    while subscriptions.areUsed { _ = try await subscriptions.changed.wait(atMost: .seconds(60)) }
                    _ = try await subscriptions.changed.wait(atMost: linger)
                } while subscriptions.areUsed
                unused.raise()
            }
            try await group.waitForAll()
        }
    }
}
