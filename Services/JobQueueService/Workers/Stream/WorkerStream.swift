import Concurrency
import Contracts
import Edge
import HTTPServer
import JSON
import Kernel
import Postgres

/// A worker's WebSocket: it grants credits, and leases are pushed as long as it has some; its verbs are worked off in
/// the order in which they came, and each is answered by its id.
///
/// ```
///   open ──credit──▶ leasing ──credits used up, capacity reached, draining, reader too slow──▶ resting
///     │                 ▲──────────────── credit, a lease ended, the queue drained ───────────────┘
///     └── closed, lost, token over: what was pushed and not started is in line again
/// ```
///
/// Fences, batches and rules are those of the HTTP verbs: both call the same `WorkerVerb`s. The session is apart from the
/// socket: it lives as long as its heartbeats, on the stream or over HTTP, and may open another stream.
final class WorkerStream: WebSocketHandler {
    /// Credits that a worker may have at a time.
    static let maximumCredit = 1000
    /// Leases in one message.
    private static let batch = 100
    /// Verbs that wait for those before them; a worker with more has lost count.
    private static let maximumWaiting = 256
    static let maximumMessage = 1 << 20
    /// As many leases as one batch can be, each as large as a job may be, leave in one frame.
    static let maximumQueued = 256 << 20
    static let lowMark = 256 * 1024

    private struct State {
        var credit = 0
        var inbox: [WorkerStreamMessage] = []
        var running: Task<Void, Never>?
        var isClosed = false
    }

    private let worker: Worker
    private let routes: WorkerRoutes
    private let verbs: [String: WorkerVerb]
    private let end: Timestamp?
    private let state = Lock(State())
    private let messages = Wakeup()
    /// Signalled when there may be room for more leases.
    private let room = Wakeup()

    init(_ worker: Worker, _ routes: WorkerRoutes, until end: Timestamp?) {
        self.worker = worker
        self.routes = routes
        self.end = end
        verbs = Dictionary(uniqueKeysWithValues: routes.verbs.map { ($0.name, $0) })
    }

    // MARK: The socket

    func opened(_ socket: WebSocket) {
        // On the socket's loop, where frames are sent. Owned by `closed`, which cancels it.
        let running = Task(executorPreference: socket.loop) { await self.run(socket) }
        state.withLock { $0.running = running }
    }

    func received(_ message: [UInt8], isText: Bool, from socket: WebSocket) {
        let read: WorkerStreamMessage
        do throws(WorkerStreamRefusal) {
            read = try WorkerStreamMessage(parsing: message, routes, verbs)
        } catch {
            socket.send(error.frame)
            return
        }
        let waiting = state.withLock { state in
            if case .credit(let more) = read {
                state.credit = min(state.credit + more, WorkerStream.maximumCredit)
                return 0
            }
            state.inbox.append(read)
            return state.inbox.count
        }
        if waiting > WorkerStream.maximumWaiting {
            socket.close(code: 4029, reason: #"{"action":"slow_down","retry_ms":1000}"#)
        }
        if waiting == 0 { room.signal() } else { messages.signal() }
    }

    func drained(_ socket: WebSocket) { room.signal() }

    func closed(_ socket: WebSocket, code: UInt16, reason: String) {
        let running = state.withLock { state in
            state.isClosed = true
            return state.running
        }
        running?.cancel()
    }

    private func run(_ socket: WebSocket) async {
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await self.work(socket) }
            group.addTask { await self.push(socket) }
            if let end {
                group.addTask {
                    do { try await Task.sleep(for: max(.zero, end - WallClock.system.now())) } catch { return }
                    socket.close(code: 4010, reason: #"{"action":"get_new_token"}"#)
                }
            }
        }
        // Cancelled by now, which must not reach what follows; the database bounds how long it takes.
        await Task { await handBack() }.value
    }

    /// What the worker has not started it will not start: it may have heard of it or not.
    private func handBack() async {
        do {
            try await routes.dispatcher.handBackUnstarted(worker)
        } catch {
            // They are handed back when the session ends, or when it sends a heartbeat that does not list them.
        }
    }

    // MARK: Leases

    /// Pushes leases as long as there are credits.
    private func push(_ socket: WebSocket) async {
        while !Task.isCancelled {
            do {
                guard let limit = try await limit(socket) else {
                    _ = try await room.wait(atMost: .seconds(1))
                    continue
                }
                let leases = try await routes.dispatcher.acquire(worker, limit: limit, wait: .seconds(30))
                guard !leases.isEmpty else { continue }
                state.withLock { $0.credit -= leases.count }
                socket.send(WorkerStream.frame("leases") { $0.member("leases", leases) })
            } catch is CancellationError {
                return
            } catch let error as ServiceError where error.code == .notFound("WORKER") {
                socket.close(code: 4004, reason: #"{"action":"open_session"}"#)
                return
            } catch {
                // The database is away: verbs say so; leases come again when it is back.
                do { try await Task.sleep(for: .milliseconds(500)) } catch { return }
            }
        }
    }

    /// How many leases the worker can be given now; `nil` when it must wait.
    private func limit(_ socket: WebSocket) async throws -> Int? {
        let credit = state.withLock { $0.credit }
        guard credit > 0, socket.queuedBytes <= WorkerStream.lowMark else { return nil }
        guard let row = try await routes.pool.query(WorkerStatements.find(worker.id)).first else {
            throw ServiceError.notFound("WORKER")
        }
        guard try !Worker(row).isDraining else { return nil }
        let held: Int = try await routes.pool.query(WorkerStatements.leaseCount(worker.id)).first?.decode(0) ?? 0
        let limit = min(credit, worker.capacity - held, WorkerStream.batch)
        return limit > 0 ? limit : nil
    }

    // MARK: Verbs

    /// Works off what the worker says, one after the other.
    private func work(_ socket: WebSocket) async {
        while !Task.isCancelled {
            let next = state.withLock { $0.inbox.isEmpty ? nil : $0.inbox.removeFirst() }
            guard let next else {
                do { _ = try await messages.wait(atMost: .seconds(60)) } catch { return }
                continue
            }
            switch next {
            case .credit: break
            case .heartbeat(let id, let body):
                await answer(id, socket) {
                    let beat = try await self.routes.beat(self.worker, body)
                    return { beat.write(to: &$0) }
                }
            case .verb(let id, let verb, let body):
                await answer(id, socket) {
                    let outcomes = try await verb.perform(body)
                    return { outcomes.write(to: &$0) }
                }
                room.signal()
            }
        }
    }

    private func answer(
        _ id: String,
        _ socket: WebSocket,
        _ perform: () async throws -> (inout JSONWriter) -> Void
    ) async {
        do {
            let members = try await perform()
            socket.send(
                WorkerStream.frame("reply") {
                    $0.member("id", id)
                    members(&$0)
                }
            )
        } catch is CancellationError {
            return
        } catch {
            let refusal = ServiceError.describing(error) ?? ServiceError(.internalError, "something went wrong here")
            socket.send(WorkerStreamRefusal(id, refusal).frame)
        }
    }

    static func frame(_ type: String, _ members: (inout JSONWriter) -> Void) -> WebSocketFrame {
        WebSocketFrame(
            text: JSONWriter.bytes { json in
                json.object {
                    $0.member("type", type)
                    members(&$0)
                }
            }
        )
    }
}
