import Concurrency

/// The tasks of one listener that have changed and were not told of yet; each once, however often it has changed.
final class MCPTaskInbox: Sendable {
    private let changed = Lock<Set<String>>([])
    private let wakeup = Wakeup()

    func add(_ task: String) {
        changed.withLock { _ = $0.insert(task) }
        wakeup.signal()
    }

    /// Waits for changes; none when none came in time.
    func next(atMost limit: Duration) async throws -> [String] {
        guard try await wakeup.wait(atMost: limit) else { return [] }
        return changed.withLock { changed in
            defer { changed = [] }
            return changed.sorted()
        }
    }
}
