public import HTTPClient
import Kernel
public import Lifecycle
public import Telemetry

/// Sends finished spans to an OpenTelemetry collector, as OTLP over HTTP in JSON. What cannot be sent is counted and
/// dropped: tracing never holds anything up.
public struct SpanExporter: Service {
    /// What it is called in logs.
    public let name = "span exporter"
    private let tracer: Tracer
    private let client: Client
    private let url: String
    private let service: String
    private let logger: Logger
    private let failed: Counter

    /// An exporter to a collector's base URL.
    public init(_ tracer: Tracer, endpoint: String, service: String, client: Client, logger: Logger, metrics: Metrics) {
        self.tracer = tracer
        self.client = client
        self.service = service
        self.logger = logger
        url = (endpoint.hasSuffix("/") ? String(endpoint.dropLast()) : endpoint) + "/v1/traces"
        failed = metrics.counter("martlet_spans_not_exported_total", "Spans that the collector did not take.")
    }

    /// Exports until `stop` is raised, then once more.
    public func run(until stop: StopSignal) async throws {
        try await stop.cancelling {
            while true {
                let spans = try await tracer.take(atMost: 512, patience: .seconds(3600))
                if !spans.isEmpty { await send(spans) }
                // A little patience makes larger batches.
                try await Task.sleep(for: .milliseconds(500))
            }
        }
        let rest = try await tracer.take(atMost: 4096, patience: .zero)
        if !rest.isEmpty { await send(rest) }
    }

    private func send(_ spans: [Span]) async {
        let body = Array(OTLPText.traces(spans, service: service).utf8)
        let request = ClientRequest(
            "POST",
            url,
            headers: [("Content-Type", "application/json")],
            body: .bytes(body),
            timeouts: .init(connect: .seconds(2), total: .seconds(5))
        )
        do {
            let response = try await client.send(request)
            guard !(200..<300).contains(response.status) else { return }
            logger.debug("collector refused spans", ["status": response.status])
        } catch {
            logger.debug("collector not reached", ["error": "\(error)"])
        }
        failed.add(spans.count)
    }
}
