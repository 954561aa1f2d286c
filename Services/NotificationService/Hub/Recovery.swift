import Contracts
import Kernel
import Messaging
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
    let replays: Replays
    let snapshots: Snapshots
    let metrics: NotificationMetrics

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
        guard let replay = try await replays.updates(of: context, after: position) else {
            return try await snapshot(of: context, reason ?? .expired)
        }
        metrics.fromLog.add()
        return .replay(replay.updates, upTo: replay.end)
    }

    private func snapshot(of context: ContextID, _ reason: Snapshot.Reason) async throws -> Outcome {
        metrics.fromSnapshot.add()
        return .snapshot(try await snapshots.snapshot(of: context), reason)
    }

    private func max(_ left: Position, _ right: Position) -> Position { left.isBefore(right) ? right : left }
}
