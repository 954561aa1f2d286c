import Concurrency
import Lifecycle

/// The requests that are being answered. It owns their tasks: a legacy client may cancel one by its id from another
/// connection, and all end with the process.
final class MCPCalls: Service {
    /// What a client calls a request of its session.
    struct Key: Hashable, Sendable {
        let session: [UInt8]
        let id: MCPMessage.ID
    }

    /// Too many at once.
    struct Full: Error {}

    private struct Entry {
        let key: Key?
        let outbox: MCPOutbox
        let task: Task<Void, Never>
    }

    private struct State {
        var entries: [Int: Entry] = [:]
        var next = 0
        var isOpen = true
    }

    let name = "mcp calls"
    private let state = Lock(State())
    private let bound: Int

    init(bound: Int = 2_000) { self.bound = bound }

    /// Begins to answer a request. The work ends by itself, by `cancel`, or with the process.
    func begin(
        _ key: Key?,
        _ outbox: MCPOutbox,
        _ work: @escaping @Sendable () async -> Void
    ) throws -> Task<Void, Never> {
        try state.withLock { state in
            guard state.isOpen, state.entries.count < bound else { throw Full() }
            let number = state.next
            state.next += 1
            let task = Task {
                await work()
                self.end(number)
            }
            state.entries[number] = Entry(key: key, outbox: outbox, task: task)
            return task
        }
    }

    /// Cancels a request of a session, which then gets no answer. Returns whether it is answered here.
    func cancel(_ key: Key) -> Bool {
        let entries = state.withLock { state in state.entries.values.filter { $0.key == key } }
        for entry in entries {
            entry.outbox.finish(nil)
            entry.task.cancel()
        }
        return !entries.isEmpty
    }

    private func end(_ number: Int) { state.withLock { _ = $0.entries.removeValue(forKey: number) } }

    /// Cancels all when `stop` is raised, and waits until they have ended.
    func run(until stop: StopSignal) async throws {
        await stop.wait()
        let tasks = state.withLock { state in
            state.isOpen = false
            return state.entries.values.map(\.task)
        }
        for task in tasks { task.cancel() }
        for task in tasks { await task.value }
    }
}
