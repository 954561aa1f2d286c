public import Kernel
import Synchronization

/// When an event came by the places on its way through one process. All who hold the event share it.
public final class EventPassage: Sendable {
    /// Names of the message headers with these times, in microseconds since 1970.
    static let (storedHeader, publishedHeader) = ("martlet-stored-us", "martlet-published-us")

    /// When its transaction began, by the database's clock.
    public let stored: Timestamp?
    /// When it was handed to the broker, by the relay's clock; `nil` when it came from the log.
    public let published: Timestamp?
    /// When it came here.
    public let received: Timestamp

    private let first = Atomic<Int64>(0)
    private let last = Atomic<Int64>(0)
    private let count = Atomic<Int>(0)

    /// The way of an event that is received now.
    public init(stored: Timestamp?, published: Timestamp?, received: Timestamp = WallClock.system.now()) {
        self.stored = stored
        self.published = published
        self.received = received
    }

    /// It was handed to so many clients.
    public func written(to clients: Int, at now: Timestamp = WallClock.system.now()) {
        guard clients > 0 else { return }
        _ = first.compareExchange(expected: 0, desired: now.microseconds, ordering: .relaxed)
        last.max(now.microseconds, ordering: .relaxed)
        // Last: who sees them counted sees the times too.
        count.add(clients, ordering: .releasing)
    }

    /// How many clients it was handed to.
    public var clients: Int { count.load(ordering: .acquiring) }
    /// When it was handed to the first of them.
    public var firstWritten: Timestamp? { time(first.load(ordering: .relaxed)) }
    /// When it was handed to the last of them.
    public var lastWritten: Timestamp? { time(last.load(ordering: .relaxed)) }

    private func time(_ micros: Int64) -> Timestamp? { micros == 0 ? nil : Timestamp(microseconds: micros) }
}
