internal import Telemetry

/// From a handler's response to bytes on the socket.
extension Connection {
    /// Sends a response, all of it unless it is a stream. Returns whether there is a stream to produce.
    func begin(_ response: Response, _ exchange: Exchange) -> Bool {
        // Else the deadline answered in its place, or nobody is there.
        guard unanswered?.id == exchange.id else { return false }
        unanswered = nil
        site.metrics.answered(response.status, since: exchange.head.receivedAt)
        if case .stream = response.body, exchange.head.method != .head, !response.status.hasNoBody {
            handle.setDeadline(milliseconds: -1)
            return true
        }
        send(response, exchange.head.method, isHTTP10: exchange.isHTTP10, keep: keeps(exchange))
        return false
    }

    /// Sends a stream to its end.
    func produce(_ response: Response, _ exchange: Exchange) async {
        guard case .stream(let length, let produce) = response.body else { return }
        let untilClose = length == nil && exchange.isHTTP10
        let framing: ResponseHead.Framing = length.map { .length($0) } ?? (untilClose ? .untilClose : .chunked)
        let keep = keeps(exchange) && !untilClose
        let writer = ResponseWriter(self, exchange: exchange.id)
        stream = Stream(exchange: exchange.id, isChunked: length == nil && !untilClose, left: length, writer: writer)
        if clientHasEnded { writer.markGone() }
        write(response, framing, exchange.isHTTP10, keep)
        var isWhole = false
        do {
            try await produce(writer)
            isWhole = (stream?.left ?? 0) == 0
            if !isWhole { site.logger.error("a stream is shorter than announced", ["route": exchange.route.pattern]) }
        } catch is CancellationError {
            // The client went away or the server stopped: nothing to report.
        } catch is ClientGone {
            // As before.
        } catch {
            site.logger.error("a stream failed", ["route": exchange.route.pattern, "error": "\(type(of: error))"])
        }
        let isChunked = stream?.isChunked ?? false
        endStream(.clientGone)
        stream = nil
        guard !isGone else { return }
        guard isWhole else {
            isClosing = true
            handle.abort()
            return
        }
        if isChunked { _ = handle.write(ResponseHead.lastChunk) }
        finish(keep: keep && !isClosing)
    }

    /// Whether the connection goes on after the answer to this request.
    func keeps(_ exchange: Exchange) -> Bool {
        // A body that is not read to its end leaves the place of the next request unknown.
        exchange.keepAlive && !isClosing && !loop.isDraining && incoming == nil && !clientHasEnded
    }

    func answer(
        _ failure: RoutingFailure,
        _ request: Request,
        _ method: Method,
        isHTTP10: Bool,
        since start: Moment
    ) {
        let response = site.response(to: failure, request)
        site.metrics.answered(response.status, since: start)
        send(response, method, isHTTP10: isHTTP10, keep: false)
    }

    /// Sends a response that is there as a whole.
    func send(_ response: Response, _ method: Method, isHTTP10: Bool, keep: Bool) {
        let keep = keep && !loop.isDraining
        switch response.body {
        case _ where response.status.hasNoBody: write(response, .none, isHTTP10, keep)
        case .none: write(response, .length(0), isHTTP10, keep)
        case .bytes(let bytes): write(response, .length(bytes.count), isHTTP10, keep, method == .head ? [] : bytes)
        case .stream(let length, _): write(response, length.map { .length($0) } ?? .none, isHTTP10, keep)
        }
        finish(keep: keep)
    }

    func write(
        _ response: Response,
        _ framing: ResponseHead.Framing,
        _ isHTTP10: Bool,
        _ keep: Bool,
        _ body: [UInt8] = []
    ) {
        let persistence: ResponseHead.Persistence = keep ? (isHTTP10 ? .keepAlive : .implicit) : .close
        let head = ResponseHead.bytes(response.status, response.headers, framing, persistence, date: loop.dateField())
        _ = handle.write(head, body)
    }

    func finish(keep: Bool) {
        if !keep { isClosing = true }
        handle.finish(keep: keep)
    }

    // Streams, called by `ResponseWriter` from any task.

    func write(_ bytes: [UInt8], _ exchange: UInt64) async throws {
        guard !isGone, let stream, stream.exchange == exchange else { throw ClientGone() }
        guard !bytes.isEmpty else { return }
        if let left = stream.left {
            precondition(bytes.count <= left, "a stream is longer than announced")
            self.stream?.left = left - bytes.count
        }
        guard let waiting = handle.write(stream.isChunked ? ResponseHead.chunk(bytes) : bytes) else {
            throw ClientGone()
        }
        guard waiting > site.settings.writeHighMark else { return }
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
                if Task.isCancelled {
                    continuation.resume(throwing: CancellationError())
                } else {
                    roomWaiters.append(continuation)
                }
            }
        } onCancel: {
            loop.submit { self.assumeIsolated { $0.cancelRoomWaiters() } }
        }
    }

    func streamEnding(_ exchange: UInt64) async -> ResponseWriter.Ending {
        guard let stream, stream.exchange == exchange, !stream.writer.isClosed else { return .clientGone }
        if loop.isDraining { return .serverStopping }
        return await withTaskCancellationHandler {
            await withCheckedContinuation { (continuation: CheckedContinuation<ResponseWriter.Ending, Never>) in
                if Task.isCancelled {
                    continuation.resume(returning: .clientGone)
                } else {
                    endingWaiters.append(continuation)
                }
            }
        } onCancel: {
            loop.submit { self.assumeIsolated { $0.endStream(.clientGone) } }
        }
    }

    func cancelRoomWaiters() {
        let waiters = roomWaiters
        roomWaiters = []
        for waiter in waiters { waiter.resume(throwing: CancellationError()) }
    }

    func endStream(_ ending: ResponseWriter.Ending) {
        let waiters = endingWaiters
        endingWaiters = []
        for waiter in waiters { waiter.resume(returning: ending) }
    }
}
