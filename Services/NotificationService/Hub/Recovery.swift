import Contracts
import Kernel
import Messaging
import Postgres
import Telemetry

/// Brings a watcher from its cursor to a place from which the ring goes on: by the ring, else by the log, else by a
/// snapshot. Never silently by nothing.
struct Recovery: Sendable {
    /// What a watcher is to be given.
    enum Outcome: Sendable {
        /// What came after its cursor, up to a place.
        case replay([Update], upTo: Position)
        /// All anew.
        case snapshot(Snapshot, Snapshot.Reason)
    }

    let hub: Hub
    let reader: EventLogReader
    let snapshots: Snapshots
    let metrics: NotificationMetrics
    /// More events than this are not read from the log for one watcher.
    var maximumEvents = 1000

    /// What a watcher of `context` with `cursor` is to be given; the hub must be watching the context already.
    /// A snapshot says why: without a cursor it is `new`, with one that cannot be continued `expired`, unless told.
    func recover(
        _ context: ContextID,
        from cursor: String?,
        wantsSnapshot: Bool = true,
        because reason: Snapshot.Reason? = nil
    ) async throws -> Outcome {
        guard let head = hub.head else {
            throw ServiceError(.serviceUnavailable, "the service is starting; try again", retryAfter: .seconds(1))
        }
        guard let cursor else {
            return wantsSnapshot ? try await snapshot(of: context, reason ?? .new) : .replay([], upTo: head)
        }
        guard let position = Position(cursor), position.epoch == head.epoch else {
            return try await snapshot(of: context, reason ?? .expired)
        }
        if !head.isBefore(position), let updates = hub.updates(of: context, after: position) {
            metrics.fromRing.add()
            return .replay(updates, upTo: updates.last?.position ?? max(position, head))
        }
        guard let outcome = try await replay(context, after: position) else {
            return try await snapshot(of: context, reason ?? .expired)
        }
        metrics.fromLog.add()
        return outcome
    }

    /// What the log has after a place; `nil` when that is too much, or the place is not in the log.
    private func replay(_ context: ContextID, after position: Position) async throws -> Outcome? {
        let place = LogPlace(position)
        let epoch = try await reader.epoch()
        let end = try await reader.settledEnd()
        guard epoch == position.epoch, place <= end, let oldest = try await reader.oldest(), oldest <= place else {
            return nil
        }
        let events = try await reader.events(of: context, after: place, upTo: end, atMost: maximumEvents + 1)
        guard events.count <= maximumEvents else { return nil }
        var updates: [Update] = []
        var previous = place
        for event in events {
            // The one before it among those that this watcher gets.
            guard let event = FeedEvent(wire: event.wire(epoch: epoch, after: previous)) else { continue }
            previous = LogPlace(event.position)
            updates.append(Update(event, for: context))
        }
        return .replay(updates, upTo: end.position(in: epoch))
    }

    private func snapshot(of context: ContextID, _ reason: Snapshot.Reason) async throws -> Outcome {
        metrics.fromSnapshot.add()
        return .snapshot(try await snapshots.snapshot(of: context), reason)
    }

    private func max(_ left: Position, _ right: Position) -> Position { left.isBefore(right) ? right : left }
}
