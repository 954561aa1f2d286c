import Concurrency
import Contracts
import Messaging
import Telemetry

/// Reads from the log what watchers have missed: for each context one read at a time, whatever the number of those who
/// come back together. Who comes while one is under way shares it, or waits and shares the next.
actor Replays {
    /// Everything of a context after one place, up to another.
    struct Tail: Sendable {
        let after: LogPlace
        let end: Position
        let updates: [Update]
    }

    private struct Flight {
        let after: LogPlace
        let task: Task<Tail?, any Error>
    }

    private let reader: EventLogReader
    private let metrics: NotificationMetrics
    /// More events than this are not read for anybody.
    private let limit: Int
    private let places: AsyncSemaphore
    private var flights: [ContextID: Flight] = [:]
    /// The earliest place that somebody waits for whom the flight does not help.
    private var wanted: [ContextID: LogPlace] = [:]

    /// Reads that take at most so many connections of the pool.
    init(_ reader: EventLogReader, limit: Int, atOnce: Int = 4, metrics: NotificationMetrics) {
        self.reader = reader
        self.limit = limit
        self.metrics = metrics
        places = AsyncSemaphore(places: atOnce, maximumWaiters: 10_000)
    }

    /// What came after a place; `nil` when that is too much, or the place is not in the log.
    func updates(of context: ContextID, after position: Position) async throws -> (updates: [Update], end: Position)? {
        let place = LogPlace(position)
        while true {
            let flight: Flight
            var isOwn = false
            if let running = flights[context] {
                guard running.after <= place else {
                    wanted[context] = min(wanted[context] ?? place, place)
                    _ = await running.task.result
                    continue
                }
                flight = running
            } else {
                isOwn = true
                flight = begin(context, after: min(wanted.removeValue(forKey: context) ?? place, place))
            }
            guard let tail = try await flight.task.value, tail.end.epoch == position.epoch, tail.after <= place else {
                return nil
            }
            guard place <= LogPlace(tail.end) else {
                // A flight that began before the cursor was given knows nothing of it; one of our own, that it is wrong.
                if isOwn { return nil }
                continue
            }
            // Nearly always all, or the last few.
            let first = tail.updates.firstIndex { place < LogPlace($0.position) } ?? tail.updates.count
            return (Array(tail.updates[first...]), tail.end)
        }
    }

    private func begin(_ context: ContextID, after place: LogPlace) -> Flight {
        // Ends by itself, since its statements do.
        let task = Task {
            defer { flights[context] = nil }
            return try await places.withPlace { try await read(context, after: place) }
        }
        let flight = Flight(after: place, task: task)
        flights[context] = flight
        return flight
    }

    private func read(_ context: ContextID, after place: LogPlace) async throws -> Tail? {
        metrics.logReads.add()
        let epoch = try await reader.epoch()
        let end = try await reader.settledEnd()
        guard let oldest = try await reader.oldest() else { return nil }
        var after = max(place, oldest)
        var events = try await reader.latest(of: context, after: after, upTo: end, atMost: limit + 1)
        if events.count > limit { after = events.removeFirst().place }
        var updates: [Update] = []
        var previous = after
        for event in events {
            // The one before it among those that this watcher gets.
            guard let event = FeedEvent(wire: event.wire(epoch: epoch, after: previous)) else { continue }
            previous = LogPlace(event.position)
            updates.append(Update(event, for: context))
        }
        return Tail(after: after, end: end.position(in: epoch), updates: updates)
    }
}
