import Concurrency
import Contracts
import Edge
import HTTPServer
import JSON
import Kernel
import Messaging
import Store
import Telemetry

/// One client on a WebSocket; an actor on the socket's loop.
///
/// ```
///   greeting ──token──▶ open ──closed, kicked, slow, expired, drained──▶ closing
///      └── no token in time, a wrong one ────────────────────────────────▲
///
///   a subscription:  catching up ──reached the ring──▶ live ──another history──▶ catching up
/// ```
actor Session {
    enum Phase {
        case greeting
        case open(Principal)
        case closing
    }

    struct Subscription {
        let number: UInt64
        let task: Task<Void, Never>
        /// Set when live: what came up to here was sent.
        var joined: Position?
    }

    nonisolated let socket: WebSocket
    nonisolated var id: UInt64 { socket.id }
    nonisolated var unownedExecutor: UnownedSerialExecutor {
        // The socket holds its loop.
        unsafe socket.loop.asUnownedSerialExecutor()
    }

    // What is not private is used in Session+Ending.swift, and nowhere else.
    let around: Surroundings
    let table: LoopTable
    let openedAt: Timestamp
    var phase = Phase.greeting
    var subscriptions: [ContextID: Subscription] = [:]
    private var numbers: UInt64 = 0
    var inbox: [ClientMessage] = []
    var worker: Task<Void, Never>?
    private var bucket: TokenBucket
    var timers: [ScheduledWork] = []
    /// Held from the first token on.
    var seat: Attendance.Seat?
    /// The last update handed to the socket, and the last one that has certainly left it.
    var lastSent: Position?
    var lastLeft: Position?

    init(_ socket: WebSocket, _ around: Surroundings) {
        self.socket = socket
        self.around = around
        table = around.hub.table(of: socket.loop)
        openedAt = around.clock.now()
        bucket = TokenBucket(perSecond: around.limits.messagesPerSecond)
    }

    // MARK: Opening

    /// The first call. With a principal the client needs no hello.
    func open(_ principal: Principal?, _ wishes: [ClientMessage.Wish]) {
        table.add(self)
        around.metrics.connections.add(1)
        if let principal {
            admit(principal)
            if !wishes.isEmpty { accept(.subscribe(id: nil, wishes, snapshot: true)) }
        } else {
            schedule(after: around.limits.helloTimeout) { session in
                guard case .greeting = session.phase else { return }
                session.refuse(.unauthenticated, "UNAUTHENTICATED", "no token came in time")
            }
        }
        if case .greeting = phase, !wishes.isEmpty { inbox.append(.subscribe(id: nil, wishes, snapshot: true)) }
    }

    private func admit(_ principal: Principal) {
        guard ContextAccess.mayWatch(principal) else {
            return refuse(.forbidden, "FORBIDDEN", "the token lacks the scope events:read")
        }
        if seat == nil {
            seat = around.attendance.enter(principal) { [weak self, loop = socket.loop] in
                loop.submit { self?.assumeIsolated { $0.revoke() } }
            }
            guard seat != nil else {
                return refuse(.tooMany, "TOO_MANY_CONNECTIONS", "the token's owner has too many connections")
            }
        }
        for timer in timers { timer.cancel() }
        timers = []
        phase = .open(principal)
        socket.send(ServerMessage.authenticated(id, until: principal.expiresAt))
        guard let end = principal.expiresAt else { return }
        let left = end - around.clock.now()
        let notice = max(.zero, left - around.limits.expiryNotice)
        schedule(after: notice) { session in
            let seconds = max(0, (end - session.around.clock.now()).milliseconds / 1000)
            session.socket.send(ServerMessage.authExpiring(in: Int(seconds)))
        }
        schedule(after: max(.zero, left)) { $0.close(.tokenExpired) }
    }

    private func schedule(after delay: Duration, _ work: @escaping @Sendable (isolated Session) -> Void) {
        timers.append(
            socket.loop.schedule(after: delay) { [weak self] in self?.assumeIsolated { work($0) } }
        )
    }

    // MARK: Messages

    /// A message came.
    func received(_ message: [UInt8], isText: Bool) {
        if case .closing = phase { return }
        guard bucket.take() else { return refuse(.rateLimited, "RATE_LIMITED", "too many messages") }
        guard isText else { return refuse(.badRequest, "BAD_REQUEST", "messages are text") }
        do {
            let message = try ClientMessage(parsing: message)
            if case .ping(let time) = message {
                socket.send(ServerMessage.pong(time, at: around.clock.now()))
            } else {
                accept(message)
            }
        } catch {
            socket.send(ServerMessage.error(error))
        }
    }

    /// Puts a message in line. They are worked off one after the other, because some wait for the database.
    private func accept(_ message: ClientMessage) {
        guard inbox.count < around.limits.waitingMessages else {
            return refuse(.rateLimited, "RATE_LIMITED", "too many messages wait for an answer")
        }
        inbox.append(message)
        guard worker == nil else { return }
        // Owned by `ended`, which cancels it.
        worker = Task { await work() }
    }

    private func work() async {
        while !inbox.isEmpty, !Task.isCancelled {
            if case .closing = phase { break }
            let index: Int
            if case .greeting = phase {
                guard let hello = inbox.firstIndex(where: \.isHello) else {
                    if inbox.contains(where: { !$0.isSubscribe }) {
                        refuse(.unauthenticated, "UNAUTHENTICATED", "say hello with a token first")
                    }
                    break
                }
                index = hello
            } else {
                index = 0
            }
            do {
                try await perform(inbox.remove(at: index))
            } catch let error as ProtocolError {
                socket.send(ServerMessage.error(error))
            } catch {
                report(error, id: nil, context: nil)
            }
        }
        worker = nil
    }

    private func perform(_ message: ClientMessage) async throws {
        switch message {
        case .hello(let token): try await authenticate(token, id: nil)
        case .auth(let id, let token): try await authenticate(token, id: id)
        case .subscribe(let id, let wishes, let snapshot):
            for wish in wishes { await subscribe(wish, id: id, snapshot: snapshot) }
        case .unsubscribe(let id, let contexts):
            for context in contexts {
                end(context)
                socket.send(ServerMessage.unsubscribed(id, context))
            }
        case .ping: break
        }
    }

    private func authenticate(_ token: Secret<String>, id: String?) async throws {
        let principal: Principal
        do {
            principal = try await around.authenticator.principal(token: token)
        } catch let error as ServiceError where error.code == .unauthenticated {
            if case .greeting = phase { return refuse(.unauthenticated, "UNAUTHENTICATED", error.message) }
            throw ProtocolError("UNAUTHENTICATED", error.message, id: id, action: "get_new_token")
        }
        switch phase {
        case .closing: return
        case .greeting: admit(principal)
        case .open(let present):
            // What is watched was allowed to the one, not to the other.
            guard present.name == principal.name, present.project == principal.project else {
                throw ProtocolError("FORBIDDEN", "the token is somebody else's", id: id, action: "reconnect")
            }
            admit(principal)
            if present.scopes != principal.scopes || present.contexts != principal.contexts {
                try await dropForbidden(principal)
            }
        }
    }

    /// Ends what the new token does not allow.
    private func dropForbidden(_ principal: Principal) async throws {
        for context in Array(subscriptions.keys) where try await !around.access.allows(principal, context) {
            guard subscriptions[context] != nil else { continue }
            end(context)
            socket.send(ServerMessage.forbidden(context, id: nil))
        }
    }

    // MARK: Subscriptions

    private func subscribe(_ wish: ClientMessage.Wish, id: String?, snapshot: Bool) async {
        guard case .open(let principal) = phase else { return }
        let context = wish.context
        guard subscriptions[context] != nil || subscriptions.count < around.limits.contexts else {
            return refuse(.tooMany, "TOO_MANY_CONTEXTS", "at most \(around.limits.contexts) contexts at a time")
        }
        do {
            guard try await around.access.allows(principal, context) else {
                // The other contexts of the same message are not concerned.
                socket.send(ServerMessage.forbidden(context, id: id))
                return
            }
        } catch {
            return report(error, id: id, context: context)
        }
        guard case .open = phase else { return }
        end(context)
        begin(context, id: id, from: wish.cursor, snapshot: snapshot, isNew: true)
    }

    private func begin(_ context: ContextID, id: String?, from cursor: String?, snapshot: Bool, isNew: Bool) {
        numbers += 1
        let number = numbers
        // Watched before anything is read: what comes meanwhile is in the ring.
        around.hub.watch(context)
        around.metrics.subscriptions.add(1)
        // Owned by `end`, which cancels it.
        let task = Task {
            do {
                try await catchUp(context, number, id: id, from: cursor, snapshot: snapshot, isNew: isNew)
            } catch is CancellationError {
                // The subscription has ended.
            } catch {
                guard subscriptions[context]?.number == number else { return }
                end(context)
                report(error, id: id, context: context)
            }
        }
        subscriptions[context] = Subscription(number: number, task: task)
    }

    private func catchUp(
        _ context: ContextID,
        _ number: UInt64,
        id: String?,
        from cursor: String?,
        snapshot: Bool,
        isNew: Bool
    ) async throws {
        var cursor = cursor
        var tellsSubscribed = isNew
        // A ring that was overtaken while its watcher caught up sends it to the log again; a few times are plenty.
        for _ in 1...8 {
            let outcome = try await around.recovery.recover(context, from: cursor, wantsSnapshot: snapshot)
            guard subscriptions[context]?.number == number else { return }
            let position: Position
            switch outcome {
            case .replay(let updates, let end):
                if tellsSubscribed {
                    socket.send(
                        ServerMessage.subscribed(id, context, recovered: cursor != nil, cursor ?? end.description)
                    )
                }
                for update in updates { try await send(update.frame) }
                position = end
            case .snapshot(let snapshot, let reason):
                if tellsSubscribed { socket.send(ServerMessage.subscribed(id, context, recovered: false, nil)) }
                var pages = SnapshotPages(snapshot, of: context, reason, from: around.recovery.snapshots)
                while let page = try await pages.next() { try await send(WebSocketFrame(text: page)) }
                position = pages.position
            }
            tellsSubscribed = false
            cursor = position.description
            guard subscriptions[context]?.number == number else { return }
            if goLive(context, after: position) { return }
        }
        throw ServiceError(.serviceUnavailable, "updates come faster than they can be caught up with")
    }

    /// Joins the live updates; `false` when the ring no longer has what came after `position`.
    private func goLive(_ context: ContextID, after position: Position) -> Bool {
        guard let missed = around.hub.updates(of: context, after: position) else { return false }
        for update in missed { socket.send(update.frame) }
        let joined = missed.last?.position ?? position
        subscriptions[context]?.joined = joined
        table.watch(context, self, after: LogPlace(joined))
        return true
    }

    /// Sends when the client has taken most of what came before.
    private func send(_ frame: WebSocketFrame) async throws {
        try Task.checkCancellation()
        let deadline = ContinuousClock.now + around.limits.stall
        while socket.queuedBytes > around.limits.queuedBytes / 4 {
            guard .now < deadline else {
                closeSlow()
                throw CancellationError()
            }
            try await Task.sleep(for: .milliseconds(10))
        }
        socket.send(frame)
    }

    func end(_ context: ContextID) {
        guard let subscription = subscriptions.removeValue(forKey: context) else { return }
        subscription.task.cancel()
        table.unwatch(context, self)
        around.hub.unwatch(context)
        around.metrics.subscriptions.add(-1)
    }

    // MARK: Called by the loop's table

    /// Hands over an update; `false` when too much waits already.
    func deliver(_ update: Update) -> Bool {
        if case .closing = phase { return true }
        let waiting = socket.send(update.frame)
        // Nothing waited before this one: all earlier ones have left.
        if waiting <= update.frame.byteCount { lastLeft = lastSent }
        lastSent = update.position
        return waiting <= around.limits.queuedBytes
    }

    /// Begins all subscriptions anew: their cursors are of another history.
    func restart() {
        lastLeft = nil
        lastSent = nil
        for context in Array(subscriptions.keys) {
            end(context)
            begin(context, id: nil, from: "", snapshot: true, isNew: false)
        }
    }

    /// Tells the client what it may know of an error.
    private func report(_ error: any Error, id: String?, context: ContextID?) {
        if error is CancellationError { return }
        let refusal =
            ServiceError.describing(error) ?? ServiceError(.internalError, "something went wrong here; try again")
        if refusal.code == .internalError {
            around.logger.error("a session's request failed", ["connection": id ?? "", "error": "\(error)"])
        }
        socket.send(
            ServerMessage.error(
                ProtocolError(
                    refusal.code.text,
                    refusal.message,
                    id: id,
                    context: context?.description,
                    retryable: refusal.code.isRetryable,
                    action: context == nil ? "retry" : "resubscribe"
                )
            )
        )
    }
}

extension ClientMessage {
    fileprivate var isHello: Bool { if case .hello = self { true } else { false } }
    fileprivate var isSubscribe: Bool { if case .subscribe = self { true } else { false } }
}
