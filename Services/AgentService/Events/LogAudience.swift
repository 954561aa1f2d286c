import Concurrency
import Lifecycle
import Messaging

/// Those in this process who want to hear of what the event log says.
protocol LogAudience: Sendable {
    /// Whether there are any.
    var isThere: Bool { get }
    /// Signalled when somebody comes or goes. For one waiter.
    var changed: Wakeup { get }
    /// Tells them.
    func take(_ step: EventFeed.Step)
}

/// Follows the event log while somebody listens, and a little longer: who does not use this pays nothing for it. A feed
/// that begins says so, and whoever listens by then is told that all may have changed.
struct AudienceFeed: Service {
    let name: String
    let audience: any LogAudience
    var linger = Duration.seconds(30)
    let feed: @Sendable () -> EventFeed

    func run(until stop: StopSignal) async throws {
        try await stop.cancelling {
            while true {
                while !audience.isThere { _ = try await audience.changed.wait(atMost: .seconds(60)) }
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
                    while audience.isThere { _ = try await audience.changed.wait(atMost: .seconds(60)) }
                    _ = try await audience.changed.wait(atMost: linger)
                } while audience.isThere
                unused.raise()
            }
            try await group.waitForAll()
        }
    }
}
