import Concurrency
import HTTPClient
import Kernel
import Telemetry

/// A provider's models over HTTP: one request, one streamed answer, and further attempts while nothing was given out.
struct StreamedModel: LanguageModel {
    /// After an answer is complete it may take this long until the connection can be used again.
    private static let grace = Duration.seconds(1)
    /// As much of a refusal is read.
    private static let refusalBytes = 64 << 10

    let settings: ProviderSettings
    let client: Client
    let metrics: ModelMetrics
    var clock = WallClock.system
    var random = RandomSource.system

    var provider: String { settings.name }

    func reply(
        to request: ModelRequest,
        trace: TraceContext?,
        onDelta: @escaping @Sendable (ModelDelta) -> Void
    ) async throws -> ModelReply {
        let start = ContinuousClock.now
        do {
            let reply = try await attempts(at: request, trace, start, onDelta)
            metrics.answered(reply, after: .now - start)
            return reply
        } catch let failure as ModelFailure {
            metrics.failed(failure.code)
            throw failure
        }
    }

    private func attempts(
        at request: ModelRequest,
        _ trace: TraceContext?,
        _ start: ContinuousClock.Instant,
        _ onDelta: @escaping @Sendable (ModelDelta) -> Void
    ) async throws -> ModelReply {
        let deadline = start + settings.timeouts.total
        let exchange = try ModelExchange(request, settings)
        var attempt = 1
        while true {
            do {
                return try await self.attempt(exchange, trace, start, deadline, onDelta)
            } catch let failure as ModelFailure {
                guard let wait = wait(after: failure, attempt: attempt), .now + wait < deadline else { throw failure }
                metrics.retries.add()
                attempt += 1
                try await Task.sleep(for: wait)
            }
        }
    }

    /// How long to wait before the next attempt; `nil` where there is none. A provider that asks for more patience than
    /// a caller should have to wait here is told on, for others to come back later.
    private func wait(after failure: ModelFailure, attempt: Int) -> Duration? {
        guard failure.isRetryable, !failure.hasStreamed, attempt <= settings.retries else { return nil }
        let drawn = settings.backoff.wait(afterAttempt: attempt, random: random)
        guard let asked = failure.retryAfter else { return drawn }
        return asked <= settings.backoff.cap ? max(asked, drawn) : nil
    }

    private func attempt(
        _ exchange: ModelExchange,
        _ trace: TraceContext?,
        _ start: ContinuousClock.Instant,
        _ deadline: ContinuousClock.Instant,
        _ onDelta: @Sendable (ModelDelta) -> Void
    ) async throws -> ModelReply {
        let response: StreamingResponse
        do {
            let remaining = max(.milliseconds(1), deadline - .now)
            response = try await client.stream(exchange.request(within: remaining, trace))
        } catch let error as ClientError {
            throw ModelFailure(error)
        }
        let requestID = response.head.requestID
        guard response.status == 200, !response.head.isOneDocument(settings.wire) else {
            throw try await refusal(response)
        }
        var reader = exchange.reader()
        var first: ContinuousClock.Instant?
        do {
            func give(_ delta: ModelDelta) {
                first = first ?? .now
                onDelta(delta)
            }
            try await read(response.body, &reader, give)
            var (reply, last) = try reader.end()
            last.forEach(give)
            reply.timeToFirstChunk = first.map { $0 - start }
            return reply
        } catch {
            response.body.cancel()
            guard var failure = (error as? ClientError).map({ ModelFailure($0) }) ?? error as? ModelFailure else {
                throw error
            }
            failure.message = settings.shown(failure.message)
            failure.requestID = requestID
            failure.hasStreamed = first != nil
            throw failure
        }
    }

    private func read(
        _ body: ResponseBody,
        _ reader: inout AnswerReader,
        _ give: (ModelDelta) -> Void
    ) async throws {
        while !reader.isComplete, let chunk = try await body.next() { try reader.feed(chunk).forEach(give) }
        guard reader.isComplete else { return }
        do {
            while let chunk = try await withDeadline(Self.grace, for: "the end of an answer", { try await body.next() })
            {
                try reader.feed(chunk).forEach(give)
            }
        } catch {
            // The answer is whole. What comes behind it are counts, and a connection that can be used again.
            body.cancel()
        }
    }

    private func refusal(_ response: StreamingResponse) async throws -> ModelFailure {
        var bytes: [UInt8] = []
        do {
            for try await chunk in response.body {
                bytes += chunk
                if bytes.count >= Self.refusalBytes { break }
            }
        } catch is ClientError {
            // The status alone says enough.
        }
        response.body.cancel()
        let error = ProviderError(status: response.status, body: bytes)
        if response.status == 200, error.words.isEmpty, error.text.isEmpty {
            return .invalid("is one document and no stream")
        }
        let kind = error.kind
        let advice = RetryAdvice(response.head, now: clock.now())
        let what = "the provider answered with status \(response.status)"
        return ModelFailure(
            kind.code,
            settings.shown(error.message(what)),
            isRetryable: kind.code == .quotaExceeded ? false : advice.shouldRetry ?? kind.isRetryable,
            retryAfter: advice.wait,
            requestID: response.head.requestID
        )
    }
}

extension ResponseHead {
    fileprivate var requestID: String? {
        (headers["x-request-id"] ?? headers["request-id"]).map { String($0.prefix(200)) }
    }

    /// Whether a server that was asked for a stream has sent one JSON document, or a page.
    fileprivate func isOneDocument(_ wire: Wire) -> Bool {
        guard wire != .ollama, let type = headers["content-type"]?.lowercased() else { return false }
        return type.hasPrefix("application/json") || type.hasPrefix("text/html")
    }
}
