import Concurrency

/// Events in their order, for a test to wait for.
actor Probe<Event: Sendable & Equatable> {
    private(set) var events: [Event] = []
    private var waiting: [(isThere: @Sendable ([Event]) -> Bool, promise: Promise<Void>)] = []

    func record(_ event: Event) {
        events.append(event)
        for waiter in waiting where waiter.isThere(events) { waiter.promise.succeed(()) }
        waiting.removeAll { $0.isThere(events) }
    }

    /// Records from where nothing can wait.
    nonisolated func note(_ event: Event) { Task { await record(event) } }

    /// Waits until the events fulfil the condition; returns them.
    @discardableResult
    func wait(for what: String, until isThere: @escaping @Sendable ([Event]) -> Bool) async throws -> [Event] {
        if !isThere(events) {
            let promise = Promise<Void>()
            waiting.append((isThere, promise))
            try await withDeadline(.seconds(20), for: what) { try await promise.value() }
        }
        return events
    }

    /// Waits for that event.
    func wait(for event: Event) async throws { try await wait(for: "\(event)") { $0.contains(event) } }
}
