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
/// ```
actor Session {
    enum Phase {
        case greeting
        case open(Principal)
        case closing
    }

    nonisolated let socket: WebSocket
    nonisolated var id: UInt64 { socket.id }
    nonisolated var unownedExecutor: UnownedSerialExecutor {
        // The socket holds its loop.
        unsafe socket.loop.asUnownedSerialExecutor()
    }

    // What is not private is used in the other files of this actor, and nowhere else.
    let around: Surroundings
    let table: LoopTable
    let openedAt: Timestamp
    var phase = Phase.greeting
    var subscriptions: [ContextID: Subscription] = [:]
    var numbers: UInt64 = 0
    var inbox: [ClientMessage] = []
    var worker: Task<Void, Never>?
    /// Waits for its time to go.
    var leaving: Task<Void, Never>?
    private var bucket: TokenBucket
    var timers: [ScheduledWork] = []
    var ladder: SlowLadder
    /// When behind: up to here everything was queued, but for what subscriptions know better.
    var heldAt: Position?
    /// Who catches up and waits for room.
    var roomWaiters: [CheckedContinuation<Void, Never>] = []
    /// Held from the first token on.
    var seat: Attendance.Seat?

    init(_ socket: WebSocket, _ around: Surroundings) {
        self.socket = socket
        self.around = around
        table = around.hub.table(of: socket.loop)
        openedAt = around.clock.now()
        ladder = SlowLadder(around.limits.slow)
        bucket = TokenBucket(perSecond: around.limits.messagesPerSecond)
    }

    // MARK: Opening

    /// The first call. With a principal the client needs no hello.
    func open(_ principal: Principal?, _ wishes: [ClientMessage.Wish]) {
        table.add(self)
        around.drain.opened()
        around.metrics.connections.add(1)
        if let principal {
            admit(principal)
            if !wishes.isEmpty { accept(.subscribe(id: nil, wishes, .all, snapshot: true)) }
        } else {
            schedule(after: around.limits.helloTimeout) { session in
                guard case .greeting = session.phase else { return }
                session.refuse(.unauthenticated, "UNAUTHENTICATED", "no token came in time")
            }
        }
        if case .greeting = phase, !wishes.isEmpty { inbox.append(.subscribe(id: nil, wishes, .all, snapshot: true)) }
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
        case .subscribe(let id, let wishes, let mode, let snapshot):
            for wish in wishes { await subscribe(wish, id: id, mode, snapshot: snapshot) }
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

    // MARK: Errors

    /// Tells the client what it may know of an error.
    func report(_ error: any Error, id: String?, context: ContextID?) {
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
