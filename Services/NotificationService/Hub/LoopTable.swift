import Concurrency
import Contracts
import HTTPServer
import Messaging

/// Which sockets of one loop watch what. Everything but the initialiser and the two `async` methods is called on
/// the loop.
final class LoopTable: Sendable {
    private struct Watch {
        let session: Session
        /// What came up to here the session has got from elsewhere.
        let after: LogPlace
    }

    private struct Content {
        var sessions: [UInt64: Session] = [:]
        var contexts: [ContextID: [UInt64: Watch]] = [:]
    }

    private let loop: EventLoop
    private let content: LoopConfined<Content>

    init(_ loop: EventLoop) {
        self.loop = loop
        content = LoopConfined(loop, Content())
    }

    func add(_ session: Session) { content.withValue { $0.sessions[session.id] = session } }

    /// Takes a session out; whether it was the last one.
    func remove(_ session: Session) -> Bool {
        content.withValue { content in
            content.sessions[session.id] = nil
            return content.sessions.isEmpty
        }
    }

    /// From now on the session gets what comes after a place.
    func watch(_ context: ContextID, _ session: Session, after place: LogPlace) {
        content.withValue { $0.contexts[context, default: [:]][session.id] = Watch(session: session, after: place) }
    }

    func unwatch(_ context: ContextID, _ session: Session) {
        content.withValue { content in
            content.contexts[context]?[session.id] = nil
            if content.contexts[context]?.isEmpty == true { content.contexts[context] = nil }
        }
    }

    /// Gives updates to all who watch; returns how many frames that were.
    func handOut(_ updates: [Update]) async throws -> Int {
        try await onLoop { table in
            var count = 0
            var slow: [UInt64: Session] = [:]
            table.content.withValue { content in
                for update in updates {
                    guard let watches = content.contexts[update.context] else { continue }
                    let place = LogPlace(update.position)
                    let before = count
                    for watch in watches.values where watch.after < place && slow[watch.session.id] == nil {
                        count += 1
                        let isInTime = watch.session.assumeIsolated { $0.deliver(update) }
                        if !isInTime { slow[watch.session.id] = watch.session }
                    }
                    update.event.passage.written(to: count - before)
                }
            }
            // After the table: closing changes it.
            for session in slow.values { session.assumeIsolated { $0.closeSlow() } }
            return count
        }
    }

    /// Lets all sessions begin again: the places they stand at belong to another history.
    func restart() async throws {
        try await onLoop { table in
            for session in table.content.withValue({ Array($0.sessions.values) }) {
                session.assumeIsolated { $0.restart() }
            }
        }
    }

    /// What each session tells of itself.
    func descriptions() async throws -> [Session.Description] {
        try await onLoop { table in
            table.content.withValue { Array($0.sessions.values) }.map { $0.assumeIsolated { $0.description } }
        }
    }

    /// Ends a session; returns whether it was here.
    func kick(_ id: UInt64) async throws -> Bool {
        try await onLoop { table in
            guard let session = table.content.withValue({ $0.sessions[id] }) else { return false }
            session.assumeIsolated { $0.kick() }
            return true
        }
    }

    private func onLoop<Value: Sendable>(_ body: @escaping @Sendable (LoopTable) -> Value) async throws -> Value {
        let promise = Promise<Value>()
        loop.submit { promise.succeed(body(self)) }
        return try await withDeadline(.seconds(10), for: "a loop") { try await promise.value() }
    }
}
