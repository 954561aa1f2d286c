import Concurrency
import Contracts
import Kernel
import Messaging

/// Those who read a run's events as they come.
final class RunListeners: LogAudience {
    private struct State {
        var listeners: [RunID: [Int: Wakeup]] = [:]
        var next = 0
    }

    let changed = Wakeup()
    private let state = Lock(State())

    var isThere: Bool { state.withLock { !$0.listeners.isEmpty } }

    /// Lets `body` listen to a run: its wakeup is signalled when there are events to be read.
    func listening<Value>(to run: RunID, _ body: (Wakeup) async throws -> Value) async throws -> Value {
        let wakeup = Wakeup()
        let number = state.withLock { state in
            defer { state.next += 1 }
            state.listeners[run, default: [:]][state.next] = wakeup
            return state.next
        }
        changed.signal()
        defer {
            state.withLock { state in
                state.listeners[run]?[number] = nil
                if state.listeners[run]?.isEmpty == true { state.listeners[run] = nil }
            }
            changed.signal()
        }
        return try await body(wakeup)
    }

    func take(_ step: EventFeed.Step) {
        switch step {
        case .began:
            let all = state.withLock { state in state.listeners.values.flatMap(\.values) }
            for wakeup in all { wakeup.signal() }
        case .events(let events):
            let runs = Set(events.compactMap(\.run))
            let told = state.withLock { state in runs.flatMap { run in (state.listeners[run] ?? [:]).values } }
            for wakeup in told { wakeup.signal() }
        }
    }
}
