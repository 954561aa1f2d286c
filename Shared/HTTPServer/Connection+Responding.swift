internal import Telemetry

/// From a handler's response to bytes on the socket.
extension Connection {
    func deliver(_ response: Response, _ exchange: Exchange) async {
        // Else the deadline answered in its place, or nobody is there.
        guard unanswered?.id == exchange.id else { return }
        unanswered = nil
        handle.setDeadline(nil)
        site.metrics.answered(response.status, since: exchange.receivedAt)
        guard case .stream(let length, let produce) = response.body, exchange.method != .head,
            !response.status.hasNoBody
        else {
            send(response, exchange.method, isHTTP10: exchange.head.isHTTP10, keep: keeps(exchange))
            return
        }
        await deliver(response, length, produce, exchange)
    }

    func deliver(
        _ response: Response,
        _ length: Int?,
        _ produce: @Sendable (ResponseWriter) async throws -> Void,
        _ exchange: Exchange
    ) async {
        let untilClose = length == nil && exchange.head.isHTTP10
        let framing: ResponseHead.Framing = length.map { .length($0) } ?? (untilClose ? .untilClose : .chunked)
        let keep = keeps(exchange) && !untilClose
        let writer = ResponseWriter(self, exchange: exchange.id)
        stream = Stream(exchange: exchange.id, isChunked: length == nil && !untilClose, left: length, writer: writer)
        if clientHasEnded { writer.markGone() }
        _ = handle.write(head(response, framing, exchange.head.isHTTP10, keep))
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
        exchange.head.keepAlive && !isClosing && !loop.isDraining && incoming == nil && !clientHasEnded
    }

    func answer(
        _ failure: RoutingFailure,
        _ request: Request,
        _ method: Method,
        isHTTP10: Bool,
        since start: ContinuousClock.Instant
    ) {
        let response = site.response(to: failure, request)
        site.metrics.answered(response.status, since: start)
        send(response, method, isHTTP10: isHTTP10, keep: false)
    }

    /// Sends a response that is there as a whole.
    func send(_ response: Response, _ method: Method, isHTTP10: Bool, keep: Bool) {
        let keep = keep && !loop.isDraining
        let (framing, bytes): (ResponseHead.Framing, [UInt8]) =
            switch response.body {
            case _ where response.status.hasNoBody: (.none, [])
            case .none: (.length(0), [])
            case .bytes(let bytes): (.length(bytes.count), bytes)
            case .stream(let length, _): (length.map { .length($0) } ?? .none, [])
            }
        _ = handle.write(head(response, framing, isHTTP10, keep), method == .head ? [] : bytes)
        finish(keep: keep)
    }

    func head(
        _ response: Response,
        _ framing: ResponseHead.Framing,
        _ isHTTP10: Bool,
        _ keep: Bool
    ) -> [UInt8] {
        let persistence: ResponseHead.Persistence = keep ? (isHTTP10 ? .keepAlive : .implicit) : .close
        return ResponseHead.bytes(response.status, response.headers, framing, persistence, date: loop.dateField())
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
