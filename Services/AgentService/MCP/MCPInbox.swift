import Concurrency

/// What has changed and was not told of yet; each thing once, however often it has changed.
final class MCPInbox: Sendable {
    private let changed = Lock<Set<String>>([])
    private let wakeup: Wakeup

    /// An inbox whose only reader waits for `wakeup`.
    init(_ wakeup: Wakeup = Wakeup()) { self.wakeup = wakeup }

    func add(_ thing: String) {
        changed.withLock { _ = $0.insert(thing) }
        wakeup.signal()
    }

    /// Takes what is there.
    func take() -> [String] {
        changed.withLock { changed in
            defer { changed = [] }
            return changed.sorted()
        }
    }

    /// Waits for changes; none when none came in time.
    func next(atMost limit: Duration) async throws -> [String] {
        try await wakeup.wait(atMost: limit) ? take() : []
    }
}
