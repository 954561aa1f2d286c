import CCurl
import Concurrency
import Glibc
import Kernel
public import Telemetry

/// Sends HTTP requests over kept connections. One per purpose is enough; it owns one thread.
public final class Client: Sendable {
    private let settings: ClientSettings
    private let logger: Logger
    private let metrics: ClientMetrics
    private let mailbox: TransferMailbox
    private let loop: Task<Void, Never>

    /// libcurl's own set-up, once in a process and before its first use.
    private static let isReady: Bool = curl_global_init(Int(CURL_GLOBAL_DEFAULT)) == CURLE_OK

    /// Starts the client's thread. It ends with `shutdown`, or with the last reference to the client.
    public init(_ settings: ClientSettings = ClientSettings(), logger: Logger, metrics: Metrics) {
        precondition(Self.isReady, "curl_global_init failed")
        self.settings = settings
        self.logger = logger.with(["client": settings.name])
        self.metrics = ClientMetrics(metrics, client: settings.name)
        let multi = MultiHandle(
            maximumConnections: settings.maximumConnections,
            maximumConnectionsPerHost: settings.maximumConnectionsPerHost
        )
        mailbox = TransferMailbox(multi, capacity: settings.maximumTransfers)
        let transfers = TransferLoop(mailbox, settings)
        loop = Task { await transfers.run() }
    }

    deinit { mailbox.stop() }

    /// Ends all transfers with `shutDown` and closes all connections. Later requests fail with `shutDown`.
    public func shutdown() async {
        mailbox.stop()
        await loop.value
    }

    /// Sends a request and waits for the whole response; any status is a response.
    ///
    /// - Throws: `ClientError`, or `CancellationError` when the task was cancelled; the transfer has then been ended.
    public func send(_ request: ClientRequest) async throws -> ClientResponse {
        let start = ContinuousClock.now
        var attempt = 1
        while true {
            let wait: Duration
            do {
                let response = try await sendOnce(request)
                let pause = request.retry.wait(
                    after: response.head,
                    attempt: attempt,
                    idempotent: request.isIdempotent,
                    now: settings.clock.now(),
                    random: settings.random
                )
                guard let pause else {
                    metrics.answered(status: response.status, after: .now - start)
                    return response
                }
                logger.debug("request is tried again", ["host": request.host, "status": response.status])
                wait = pause
            } catch let failure as TransferFailure {
                let pause = request.retry.wait(
                    after: failure,
                    attempt: attempt,
                    idempotent: request.isIdempotent,
                    random: settings.random
                )
                guard let pause else {
                    metrics.failed.add()
                    throw failure.error
                }
                logger.debug("request is tried again", ["host": request.host, "reason": failure.error])
                wait = pause
            }
            metrics.retries.add()
            attempt += 1
            try await Task.sleep(for: wait)
        }
    }

    private func sendOnce(_ request: ClientRequest) async throws -> ClientResponse {
        try request.validate()
        let promise = Promise<ClientResponse>()
        let limit = settings.maximumResponseBytes
        let id = try mailbox.start {
            TransferPlan(id: $0, request: request, reply: .whole(promise, maximumBytes: limit))
        }
        do {
            return try await promise.value()
        } catch is CancellationError {
            mailbox.send(.cancel(id))
            throw CancellationError()
        }
    }

    /// Sends a request and waits for the head of the response; the body is read from the result. Never tried again.
    ///
    /// Give it `ClientRequest.Timeouts.streaming()`: a total limit ends the body too.
    public func stream(_ request: ClientRequest) async throws -> StreamingResponse {
        try request.validate()
        let channel = ResponseChannel()
        let start = ContinuousClock.now
        let id = try mailbox.start { TransferPlan(id: $0, request: request, reply: .stream(channel)) }
        let body = ResponseBody(channel, mailbox, id: id)
        do {
            let head = try await channel.head.value()
            metrics.answered(status: head.status, after: .now - start)
            return StreamingResponse(head: head, body: body)
        } catch {
            body.cancel()
            if error is CancellationError { throw error }
            metrics.failed.add()
            throw (error as? TransferFailure)?.error ?? error
        }
    }

    /// Sends a request and writes the body of a 2xx answer to a file, from its present position on.
    ///
    /// The descriptor stays the caller's. Nothing of another answer is written. After an error the file holds a part.
    /// - Throws: `ClientError.responseTooLarge` beyond `limit` bytes.
    public func download(
        _ request: ClientRequest,
        to descriptor: Int32,
        atMost limit: Int
    ) async throws -> (head: ResponseHead, bytes: Int) {
        let response = try await stream(request)
        var written = 0
        guard (200...299).contains(response.status) else { return (response.head, 0) }
        for try await chunk in response.body {
            guard written + chunk.count <= limit else { throw ClientError.responseTooLarge(limit: limit) }
            try Self.write(chunk, to: descriptor)
            written += chunk.count
        }
        return (response.head, written)
    }

    private static func write(_ bytes: [UInt8], to descriptor: Int32) throws(ClientError) {
        var done = 0
        while done < bytes.count {
            // The pointer is used during the call only.
            let count = unsafe bytes[done...]
                .withUnsafeBytes { unsafe Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if count < 0 && errno == EINTR { continue }
            guard count > 0 else { throw .file(errno: errno) }
            done += count
        }
    }
}
