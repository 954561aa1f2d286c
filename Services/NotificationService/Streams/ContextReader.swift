import Contracts
import Kernel
import Messaging

/// Follows one context for who asks instead of being told: streams and polls.
struct ContextReader: Sendable {
    /// A message and the cursor of who has read it; a snapshot has one at its end only.
    struct Item: Sendable {
        let message: [UInt8]
        let cursor: String?
    }

    let context: ContextID
    let hub: Hub
    let recovery: Recovery
    private(set) var position: Position?
    private var cursor: String?
    private var pages: SnapshotPages?

    /// A reader from `cursor` on; without one it begins with a snapshot. The hub must be watching the context.
    init(_ context: ContextID, from cursor: String?, hub: Hub, recovery: Recovery) {
        self.context = context
        self.cursor = cursor
        self.hub = hub
        self.recovery = recovery
    }

    /// What comes next; nothing when there was nothing for `limit`.
    mutating func next(atMost limit: Duration) async throws -> [Item] {
        if let item = try await nextPage() { return [item] }
        if let position {
            if hub.updates(of: context, after: position)?.isEmpty == true {
                guard try await hub.changed(context, after: position, atMost: limit) else { return [] }
            }
            if let updates = hub.updates(of: context, after: position) { return take(updates, upTo: nil) }
            // Overtaken, or of another history: from the log, or all anew.
            cursor = position.description
        }
        switch try await recovery.recover(context, from: cursor) {
        case .replay(let updates, let end): return take(updates, upTo: end)
        case .snapshot(let snapshot, let reason):
            position = snapshot.position
            pages = SnapshotPages(snapshot, of: context, reason, from: recovery.snapshots)
            return try await nextPage().map { [$0] } ?? []
        }
    }

    /// Whether a snapshot has begun that has not been read to its end.
    var isInSnapshot: Bool { pages != nil }

    private mutating func nextPage() async throws -> Item? {
        guard let message = try await pages?.next(), let pages else { return nil }
        guard pages.isAtEnd else { return Item(message: message, cursor: nil) }
        self.pages = nil
        return Item(message: message, cursor: pages.position.description)
    }

    private mutating func take(_ updates: [Update], upTo end: Position?) -> [Item] {
        position = end ?? updates.last?.position ?? position
        for update in updates { update.event.passage.written(to: 1) }
        return updates.map { Item(message: $0.message, cursor: $0.position.description) }
    }
}
