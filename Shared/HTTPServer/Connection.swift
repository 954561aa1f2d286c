internal import Telemetry

/// One HTTP connection: turns heads and bodies into requests, and responses into bytes.
///
/// ```
///            head, buffered body                body complete
///   idle ───────────────────────▶ collecting ────────────────────▶ handling ──▶ answered ──▶ idle | closing
///    │ head, streamed body                                           ▲  │
///    └───────────────────────────────────────────────────────────────┘  │ stream
///                                                                       ▼
///                                                                   streaming ──▶ idle | closing
/// ```
///
/// It lives on its loop: C calls it there, and its one task, which serves all its requests, runs there.
@safe
actor Connection {
    /// A request of which the head has come, and not yet the whole body.
    enum Incoming {
        case collecting(Exchange)
        case streaming(BodyStream)
    }

    struct Stream {
        let exchange: UInt64
        let isChunked: Bool
        var left: Int?
        let writer: ResponseWriter
    }

    nonisolated let loop: EventLoop
    nonisolated let remoteAddress: String
    nonisolated let site: Site
    let handle: ConnectionHandle

    nonisolated var unownedExecutor: UnownedSerialExecutor {
        // The connection holds its loop.
        unsafe loop.asUnownedSerialExecutor()
    }

    var task: Task<Void, Never>?
    var incoming: Incoming?
    var queued: Exchange?
    /// The task, when it waits for `queued`. Unsafe only in that nobody checks that it is resumed exactly once: it is
    /// taken out where it is resumed, and `transportClosed`, which always comes, resumes what is left.
    var waiting: UnsafeContinuation<Void, Never>?
    /// The request that a handler works for and that has no answer yet.
    var unanswered: Exchange?
    var stream: Stream?
    var roomWaiters: [CheckedContinuation<Void, any Error>] = []
    var endingWaiters: [CheckedContinuation<ResponseWriter.Ending, Never>] = []
    var lastExchange: UInt64 = 0
    var isClosing = false
    var isGone = false
    var clientHasEnded = false

    init(_ loop: EventLoop, _ handle: consuming ConnectionHandle, _ remoteAddress: String) {
        self.loop = loop
        self.handle = handle
        self.remoteAddress = remoteAddress
        site = loop.site
    }

    // Called by C, through `LoopCallbacks`.

    /// Accepted; over a limit it is answered at once.
    func begin() {
        switch site.census.enter(remoteAddress) {
        case .welcome: break
        case .tooMany: refuseConnection(.overloaded)
        case .tooManyFromAddress: refuseConnection(.tooManyConnections)
        }
    }

    func refuseConnection(_ failure: RoutingFailure) {
        site.metrics.refused.add()
        send(site.response(to: failure, unreadableRequest()), .get, isHTTP10: false, keep: false)
    }

    /// Decides what becomes of a request. Returns how many bytes its body may have, or -1 when it is answered.
    func receive(_ head: RequestHead) -> Int64 {
        let now = Moment.now
        guard let method = Method(head.method) else { return refuse(.methodNotImplemented, head, now) }
        let target: RequestTarget
        do {
            target = try RequestTarget(head.headers.text, head.target)
        } catch {
            return refuse(.malformed(error.reason), head, now)
        }
        switch site.router.decide(method, head.headers.text, target.path, isUpgrade: head.asksForWebSocket) {
        case .failure(let failure): return refuse(failure, head, now, method, target)
        case .options(let allow):
            let names = allow.map(\.rawValue).joined(separator: ", ")
            return answer(Response(.noContent, headers: ["Allow": names]), method, head, now)
        case .route(let route, let parameters):
            if case .upgrade = route.action, let failure = head.handshakeFailure {
                return refuse(failure, head, now, method, target)
            }
            let limit = route.body.limit
            if head.isChunked ? limit == 0 : (head.contentLength ?? 0) > limit {
                return refuse(.payloadTooLarge, head, now, method, target)
            }
            lastExchange += 1
            let deadline = Moment(nanoseconds: now.nanoseconds + route.deadlineMilliseconds * 1_000_000)
            let request = Request.Head(
                method,
                head.headers.text,
                target,
                head.headers,
                remoteAddress,
                now,
                deadline
            )
            begin(
                Exchange(
                    lastExchange,
                    request,
                    route,
                    parameters,
                    keepAlive: head.keepAlive,
                    isHTTP10: head.isHTTP10
                ),
                head
            )
            return Int64(limit)
        }
    }

    func begin(_ exchange: Exchange, _ head: RequestHead) {
        guard head.hasBody else { return dispatch(exchange) }
        guard case .streamed = exchange.route.body else {
            // What a client announces is not believed beyond a mebibyte.
            if let length = head.contentLength { exchange.bytes.reserveCapacity(min(length, 1 << 20)) }
            incoming = .collecting(exchange)
            return
        }
        let stream = BodyStream { [weak self] paused in
            guard let self else { return }
            self.loop.submit { self.assumeIsolated { $0.pauseReading(paused) } }
        }
        exchange.stream = stream
        incoming = .streaming(stream)
        dispatch(exchange)
    }

    func pauseReading(_ paused: Bool) {
        if !isGone { handle.pause(paused) }
    }

    func receive(_ bytes: [UInt8]) {
        switch incoming {
        case .collecting(let exchange): exchange.bytes.append(contentsOf: bytes)
        case .streaming(let stream): stream.push(bytes)
        case nil: break
        }
    }

    func completeRequest() {
        switch incoming.take() {
        case .collecting(let exchange): dispatch(exchange)
        case .streaming(let stream): stream.end(.complete)
        case nil: break
        }
    }

    /// The request cannot be read to its end.
    func fail(_ failure: RoutingFailure) {
        if case .streaming(let stream) = incoming {
            incoming = nil
            stream.end(.failed(RequestBodyError(failure)))
            // Its handler hears of it as the error of its body, and answers.
            isClosing = true
            if unanswered == nil && self.stream == nil { handle.finish(keep: false) }
            return
        }
        incoming = nil
        answer(failure, unreadableRequest(), .get, isHTTP10: false, since: .now)
    }

    func becameWritable() {
        let waiters = roomWaiters
        roomWaiters = []
        for waiter in waiters { waiter.resume() }
    }

    func clientEnded() {
        clientHasEnded = true
        if unanswered?.route.endsWithClient == true { clientAbandoned() }
        guard let stream else { return }
        stream.writer.markGone()
        endStream(.clientGone)
    }

    /// The client stopped sending so long ago that nobody is taken to wait for the answer.
    func clientAbandoned() {
        guard unanswered != nil else { return }
        isClosing = true
        task?.cancel()
    }

    func deadlinePassed() {
        guard let exchange = unanswered else { return }
        unanswered = nil
        site.logger.warning("a handler took too long", ["route": exchange.route.pattern])
        answer(
            .deadlineExceeded,
            exchange.request,
            exchange.head.method,
            isHTTP10: exchange.isHTTP10,
            since: exchange.head.receivedAt
        )
        // The task cannot be used again after this, nor the connection.
        task?.cancel()
    }

    func serverStops() { endStream(.serverStopping) }

    func transportClosed() {
        if unanswered != nil || stream != nil { site.metrics.clientsGone.add() }
        isGone = true
        isClosing = true
        unanswered = nil
        if case .streaming(let stream) = incoming { stream.end(.failed(.connectionLost)) }
        incoming = nil
        stream?.writer.markGone()
        endStream(.clientGone)
        let waiters = roomWaiters
        roomWaiters = []
        for waiter in waiters { waiter.resume(throwing: ClientGone()) }
        task?.cancel()
        resumeTask()
    }

    nonisolated func released() { site.census.leave(remoteAddress) }

    // Requests

    func refuse(
        _ failure: RoutingFailure,
        _ head: RequestHead,
        _ now: Moment,
        _ method: Method = .get,
        _ target: RequestTarget? = nil
    ) -> Int64 {
        let target = target ?? RequestTarget(lenient: head.headers.text, head.target)
        let parts = Request.Head(method, head.headers.text, target, head.headers, remoteAddress, now, now)
        let request = Request(parts, RequestBody(), PathParameters())
        return answer(site.response(to: failure, request), method, head, now)
    }

    /// Answers without a handler. A body that is still to come is not read.
    func answer(
        _ response: Response,
        _ method: Method,
        _ head: RequestHead,
        _ now: Moment
    ) -> Int64 {
        site.metrics.answered(response.status, since: now)
        send(response, method, isHTTP10: head.isHTTP10, keep: head.keepAlive && !head.hasBody)
        return head.hasBody ? -1 : 0
    }

    func dispatch(_ exchange: Exchange) {
        unanswered = exchange
        if case .answer(let handler) = exchange.route.action {
            let response = handler(exchange.request)
            guard begin(response, exchange) else { return }
            exchange.answer = response
        }
        queued = exchange
        handle.setDeadline(milliseconds: exchange.route.deadlineMilliseconds)
        resumeTask()
        if task == nil {
            site.census.taskStarted()
            // Owned by `transportClosed`, which cancels it, and counted, so that a stop waits for it.
            task = Task(executorPreference: loop) {
                await self.serve()
                self.site.census.taskEnded()
            }
        }
    }

    func serve() async {
        while true {
            if queued == nil && !isClosing { unsafe await withUnsafeContinuation { unsafe waiting = $0 } }
            guard let exchange = queued.take() else { return }
            switch exchange.route.action {
            case .respond(let handler):
                let response = await handler(exchange.request)
                // Asked here, because a call of an asynchronous function costs more than most answers do.
                if begin(response, exchange) { await produce(response, exchange) }
            case .answer:
                if let response = exchange.answer { await produce(response, exchange) }
            case .upgrade(let decide):
                switch await decide(exchange.request) {
                case .refuse(let response):
                    if begin(response, exchange) { await produce(response, exchange) }
                case .accept(let handler, let subprotocol, let headers, let limits):
                    if upgrade(exchange, handler, subprotocol, headers, limits) { return }
                }
            }
        }
    }

    func resumeTask() {
        guard let continuation = unsafe waiting else { return }
        unsafe waiting = nil
        unsafe continuation.resume()
    }

    /// What the fallback is given when no request could be read.
    func unreadableRequest() -> Request { Request(target: "", remoteAddress: remoteAddress) }
}

extension RequestBodyError {
    init(_ failure: RoutingFailure) {
        switch failure {
        case .payloadTooLarge: self = .tooLarge
        case .requestTimeout: self = .tooSlow
        default: self = .malformed
        }
    }
}
