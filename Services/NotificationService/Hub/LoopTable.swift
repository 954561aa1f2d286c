import Concurrency
import Contracts
import HTTPServer
import Kernel
import Messaging

/// Which sockets of one loop watch what. Everything but the initialiser and what says otherwise is called on the loop.
///
/// Updates go to a context's audience, which queues them to all sockets without a step for each. Only those that fell
/// behind, and those that want the latest alone, are sessions to be asked.
final class LoopTable: Sendable {
    fileprivate struct Room {
        let audience: Audience
        /// Who gets what is the latest when there is room for it.
        var latest: [UInt64: Session] = [:]
    }

    fileprivate struct Content {
        var sessions: [UInt64: Session] = [:]
        var rooms: [ContextID: Room] = [:]
        /// All updates up to here were queued, and none was begun after it but those of the event at `current`.
        var handed: Position?
        var current: Position?
        /// Whose stall must be noticed.
        var slow: [UInt64: Session] = [:]
        var watch: ScheduledWork?
    }

    /// What the hub calls it by.
    let index: Int
    private let loop: EventLoop
    /// The contexts that are watched here are told to it.
    private unowned let hub: Hub
    private let softLimit: Int
    private let content: LoopConfined<Content>

    init(_ loop: EventLoop, _ index: Int, _ hub: Hub, softLimit: Int) {
        self.loop = loop
        self.index = index
        self.hub = hub
        self.softLimit = softLimit
        content = LoopConfined(loop, Content())
    }

    func add(_ session: Session) { content.withValue { $0.sessions[session.id] = session } }

    /// Takes a session out; whether it was the last one.
    func remove(_ session: Session) -> Bool {
        content.withValue { content in
            content.sessions[session.id] = nil
            content.slow[session.id] = nil
            if content.slow.isEmpty { content.endWatch() }
            return content.sessions.isEmpty
        }
    }

    /// From now on the session gets what comes after a place; one that watches already moves its place.
    func watch(_ context: ContextID, _ session: Session, _ mode: Subscription.Mode, after place: Position) {
        let isNew = content.withValue { content in
            var room = content.rooms[context] ?? Room(audience: Audience(loop))
            let isNew = content.rooms[context] == nil
            switch mode {
            case .all: room.audience.add(session.socket, after: FrameMark(place))
            case .latest: room.latest[session.id] = session
            }
            content.rooms[context] = room
            return isNew
        }
        if isNew { hub.enlist(self, for: context) }
    }

    func unwatch(_ context: ContextID, _ session: Session) {
        let isEmpty = content.withValue { content in
            guard var room = content.rooms[context] else { return false }
            room.audience.remove(session.socket)
            room.latest[session.id] = nil
            let isEmpty = room.audience.count == 0 && room.latest.isEmpty
            content.rooms[context] = isEmpty ? nil : room
            return isEmpty
        }
        if isEmpty { hub.delist(self, for: context) }
    }

    /// All updates up to here were given to who is not behind; `nil` before the first.
    var handed: Position? { content.withValue { $0.handed } }

    /// Looks at a session from time to time until it is at ease.
    func watchPace(of session: Session) {
        content.withValue { content in
            content.slow[session.id] = session
            guard content.watch == nil else { return }
            content.watch = loop.schedule(every: .milliseconds(250)) { [weak self] in self?.lookAtSlow() }
        }
    }

    private func lookAtSlow() {
        let now = ContinuousClock.now
        for (id, session) in content.withValue({ $0.slow }) where !session.assumeIsolated({ $0.keepsPace(at: now) }) {
            content.withValue { $0.slow[id] = nil }
        }
        content.withValue { content in
            if content.slow.isEmpty { content.endWatch() }
        }
    }

    /// Gives updates to all who watch, and `done` how many frames that were. Called on any thread.
    func handOut(_ updates: [Update], _ done: @escaping @Sendable (Int) -> Void) {
        loop.submit { done(self.handOut(updates)) }
    }

    private func handOut(_ updates: [Update]) -> Int {
        var count = 0
        var late: [Session] = []
        var latest: [UInt64: Session] = [:]
        content.withValue { content in
            for update in updates {
                if content.current != update.position {
                    content.handed = content.current ?? content.handed
                    content.current = update.position
                }
                guard let room = content.rooms[update.context] else { continue }
                let mark = FrameMark(update.position)
                let outcome = room.audience.send(update.frame, mark: mark, limit: softLimit)
                count += outcome.sent
                update.event.passage.written(to: outcome.sent)
                for id in outcome.late {
                    guard let session = content.sessions[id] else { continue }
                    session.assumeIsolated { $0.fellBehind(after: content.handed) }
                    late.append(session)
                }
                if !room.latest.isEmpty { latest.merge(room.latest) { old, _ in old } }
            }
            // Updates of one event come together.
            content.handed = content.current
        }
        for session in late { watchPace(of: session) }
        for session in latest.values { session.assumeIsolated { $0.giveLatest() } }
        return count
    }

    /// Lets all sessions begin again: the places they stand at belong to another history. Called on any thread.
    func restart() async throws {
        try await onLoop { table in
            let sessions = table.content.withValue { content in
                content.handed = nil
                content.current = nil
                return Array(content.sessions.values)
            }
            for session in sessions { session.assumeIsolated { $0.restart() } }
        }
    }

    /// What each session tells of itself. Called on any thread.
    func descriptions() async throws -> [Session.Description] {
        try await onLoop { table in
            table.content.withValue { Array($0.sessions.values) }.map { $0.assumeIsolated { $0.description } }
        }
    }

    /// Ends a session; returns whether it was here. Called on any thread.
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

extension LoopTable.Content {
    fileprivate mutating func endWatch() {
        watch?.cancel()
        watch = nil
    }
}
