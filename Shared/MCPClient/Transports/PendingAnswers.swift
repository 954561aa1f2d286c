import Concurrency
import JSON

/// Requests whose answers will come over one stream, in any order.
final class PendingAnswers: Sendable {
    private struct Entry {
        let promise: Promise<JSONElement>
        let heard: @Sendable (Message) -> Void
    }

    private struct State {
        var entries: [Int: Entry] = [:]
        var end: RemoteError?
    }

    private let state = Lock(State())
    private let bound: Int

    init(bound: Int = 1_000) { self.bound = bound }

    /// Expects the answer to a request.
    func expect(_ id: Int, _ heard: @escaping @Sendable (Message) -> Void) throws -> Promise<JSONElement> {
        try state.withLock { state in
            if let end = state.end { throw end }
            guard state.entries.count < bound else { throw RemoteError.overloaded }
            let promise = Promise<JSONElement>()
            state.entries[id] = Entry(promise: promise, heard: heard)
            return promise
        }
    }

    /// Nobody waits for it any more.
    func forget(_ id: Int) { state.withLock { _ = $0.entries.removeValue(forKey: id) } }

    /// Gives an answer to who waits for it. Returns whether somebody did: a second answer finds nobody.
    func answer(_ id: Int?, _ result: Result<JSONElement, RemoteError>) -> Bool {
        guard let id, let entry = state.withLock({ $0.entries.removeValue(forKey: id) }) else { return false }
        entry.promise.fulfil(result.mapError { $0 })
        return true
    }

    /// Tells of progress to whom it is for, and of everything else to all.
    func tell(_ message: Message) {
        let listeners = state.withLock { state in
            if let (id, _) = message.progress { return state.entries[id].map { [$0.heard] } ?? [] }
            return state.entries.values.map(\.heard)
        }
        for heard in listeners { heard(message) }
    }

    /// No answer will come any more.
    func end(_ error: RemoteError) {
        let entries = state.withLock { state in
            state.end = error
            defer { state.entries = [:] }
            return state.entries.values.map(\.promise)
        }
        for promise in entries { promise.fail(error) }
    }
}
