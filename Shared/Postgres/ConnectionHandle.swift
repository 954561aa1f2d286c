internal import CLibPQ
import Glibc

/// One `PGconn`: opened here, freed here, and never seen outside this module. Used by one thread at a time.
///
/// Nothing here blocks but `open` (which waits with a deadline, resolving names apart) and `wait`.
@safe
struct ConnectionHandle: ~Copyable {
    private let raw: OpaquePointer

    private init(adopting raw: OpaquePointer) { unsafe self.raw = raw }

    deinit { unsafe PQfinish(raw) }

    /// Connects within `limit`. The pointer is adopted before it is judged, so a failed open is freed too.
    static func open(
        _ parameters: [(String, String)],
        within limit: Duration
    ) throws(PostgresError) -> ConnectionHandle {
        let handle = try start(parameters)
        let deadline = ContinuousClock.now + limit
        var polling = PGRES_POLLING_WRITING
        while polling != PGRES_POLLING_OK {
            let events = polling == PGRES_POLLING_READING ? POLLIN : POLLOUT
            guard handle.poll(Int16(events), until: deadline).isReady else {
                throw .unavailable("connecting took too long")
            }
            polling = unsafe PQconnectPoll(handle.raw)
            if polling == PGRES_POLLING_FAILED { throw .unavailable(handle.message) }
        }
        guard unsafe PQsetnonblocking(handle.raw, 1) == 0 else { throw .unavailable(handle.message) }
        return handle
    }

    private static func start(_ parameters: [(String, String)]) throws(PostgresError) -> ConnectionHandle {
        let lists = CStringLists(keywords: parameters.map(\.0), values: parameters.map(\.1))
        // Both lists end in NULL and live until the call is over; libpq copies them.
        guard let raw = unsafe lists.with({ unsafe PQconnectStartParams($0, $1, 0) }) ?? nil else {
            throw .unavailable("out of memory")
        }
        let handle = unsafe ConnectionHandle(adopting: raw)
        unsafe martlet_silence_notices(raw)
        guard unsafe PQstatus(raw) != CONNECTION_BAD else { throw .unavailable(handle.message) }
        return handle
    }

    /// libpq's words about the last failure; they may quote data.
    var message: String { unsafe String(cString: PQerrorMessage(raw)) }

    /// Whether the socket is gone.
    var isLost: Bool { unsafe PQstatus(raw) == CONNECTION_BAD }

    /// Whether no transaction is open.
    var isOutsideTransaction: Bool { unsafe PQtransactionStatus(raw) == PQTRANS_IDLE }

    /// What cancelling needs; taken now, while nobody else uses the connection.
    func cancelHandle() -> CancelHandle? { unsafe CancelHandle(of: raw) }

    // MARK: Sending. Each only queues; `flush` sends.

    func enterPipeline() -> Bool { unsafe PQenterPipelineMode(raw) == 1 }
    func exitPipeline() -> Bool { unsafe PQexitPipelineMode(raw) == 1 }
    func sendSync() -> Bool { unsafe PQpipelineSync(raw) == 1 }

    /// Several statements in one text, without parameters; not in a pipeline.
    func sendScript(_ text: String) -> Bool { unsafe PQsendQuery(raw, text) == 1 }

    func sendPrepare(_ name: String, _ text: String, _ parameters: ParameterBuffer) -> Bool {
        let types = parameters.parameters.map(\.type.rawValue)
        // All three live until the call is over; libpq copies them.
        return unsafe PQsendPrepare(raw, name, text, Int32(types.count), types) == 1
    }

    func sendPrepared(_ name: String, _ parameters: ParameterBuffer) -> Bool {
        // The lists have one entry for each parameter and live until the call is over; libpq copies them.
        unsafe parameters.withLists { count, values, lengths, formats in
            unsafe PQsendQueryPrepared(raw, name, count, values, lengths, formats, 1) == 1
        }
    }

    func send(_ text: String, _ parameters: ParameterBuffer) -> Bool {
        let types = parameters.parameters.map(\.type.rawValue)
        // The lists have one entry for each parameter and live until the call is over; libpq copies them.
        return unsafe parameters.withLists { count, values, lengths, formats in
            unsafe PQsendQueryParams(raw, text, count, types, values, lengths, formats, 1) == 1
        }
    }

    // MARK: Progress

    enum Flush {
        case done
        case again
        case failed
    }

    /// Writes what the socket takes.
    func flush() -> Flush {
        switch unsafe PQflush(raw) {
        case 0: .done
        case 1: .again
        default: .failed
        }
    }

    /// Reads what the socket has; `false` when it broke.
    func consume() -> Bool { unsafe PQconsumeInput(raw) == 1 }

    /// Whether `nextResult` would block.
    var isBusy: Bool { unsafe PQisBusy(raw) == 1 }

    /// The next result, or `nil` at the end of a command's results. Ask only while not busy.
    func nextResult() -> ResultHandle? {
        guard let result = unsafe PQgetResult(raw) else { return nil }
        return unsafe ResultHandle(adopting: result)
    }

    /// The next NOTIFY that has arrived.
    func nextNotice() -> Notice? {
        guard let notice = unsafe PQnotifies(raw) else { return nil }
        // The block is ours until freed; its two texts are copied first.
        defer { unsafe PQfreemem(notice) }
        return unsafe Notice(
            channel: String(cString: notice.pointee.relname),
            payload: String(cString: notice.pointee.extra)
        )
    }

    // MARK: Waiting

    struct Readiness {
        var isReady = false
        var isSignalled = false
    }

    /// Waits for the socket, for a signal, or for the deadline.
    func poll(
        _ events: Int16,
        until deadline: ContinuousClock.Instant,
        signalledBy event: Int32 = -1
    ) -> Readiness {
        while true {
            let left = ContinuousClock.now.duration(to: deadline)
            // Rounded up: waking a little early would only poll again.
            let limit = max(
                0,
                min(left.components.seconds, 3600) * 1000 + left.components.attoseconds / 1_000_000_000_000_000 + 1
            )
            // poll ignores a negative descriptor, which is how there may be no event.
            var descriptors = (
                pollfd(fd: unsafe PQsocket(raw), events: events, revents: 0),
                pollfd(fd: event, events: Int16(POLLIN), revents: 0)
            )
            // A tuple of two equal structs lies in memory like an array of two; the pointer is used during the call.
            let count = unsafe withUnsafeMutablePointer(to: &descriptors) { pointer in
                unsafe pointer.withMemoryRebound(to: pollfd.self, capacity: 2) {
                    unsafe Glibc.poll($0, 2, left <= .zero ? 0 : Int32(truncatingIfNeeded: limit))
                }
            }
            if count < 0 && errno == EINTR { continue }
            return Readiness(isReady: descriptors.0.revents != 0, isSignalled: descriptors.1.revents != 0)
        }
    }
}
