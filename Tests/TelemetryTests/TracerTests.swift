import Kernel
import Telemetry
import Testing

@Suite(.timeLimit(.minutes(1))) struct TracerTests {
    struct Failure: Error {}
    let clock = WallClock { Timestamp(microseconds: 1_000_000) }

    @Test func `spans nest, and failures are named by their type`() async throws {
        let tracer = Tracer(capacity: 10, metrics: Metrics(), clock: clock)
        let root = TraceContext(traceID: UUID(high: 1, low: 2), spanID: 3, sampled: true)
        try await tracer.span("outer", .server, in: root) { outer in
            try await tracer.span("inner", .client, in: outer) { _ in }
        }
        await #expect(throws: Failure.self) {
            try await tracer.span("broken", .internal, in: root) { _ in throw Failure() }
        }
        let spans = try await tracer.take(atMost: 10, patience: .zero)
        #expect(spans.map(\.name) == ["inner", "outer", "broken"])
        #expect(spans[0].parent == spans[1].context.spanID)
        #expect(spans[1].parent == 3)
        #expect(spans[2].failure == "Failure")
        #expect(spans.allSatisfy { $0.context.traceID == root.traceID })
    }

    @Test func `what does not fit is dropped and counted, and an idle tracer collects nothing`() async throws {
        let metrics = Metrics()
        let tracer = Tracer(capacity: 2, metrics: metrics, clock: clock)
        let off = Tracer(capacity: 0, metrics: Metrics(), clock: clock)
        for _ in 0..<5 {
            try await tracer.span("x", .internal, in: .root()) { _ in }
            try await off.span("x", .internal, in: .root()) { _ in }
        }
        #expect(try await tracer.take(atMost: 10, patience: .zero).count == 2)
        #expect(try await off.take(atMost: 10, patience: .zero).isEmpty)
        #expect(metrics.prometheusText().contains("martlet_spans_dropped_total 3"))
    }

    @Test func `writes OTLP JSON`() {
        let span = Span(
            context: TraceContext(traceID: UUID(high: 1, low: 2), spanID: 3, sampled: true),
            parent: 4,
            name: "GET /x",
            kind: .server,
            start: Timestamp(microseconds: 5),
            end: Timestamp(microseconds: 6),
            attributes: [(name: "http.route", value: "/x")],
            failure: "Broken"
        )
        #expect(
            OTLPText.traces([span], service: "agent")
                == #"{"resourceSpans":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"agent"}}]},"scopeSpans":[{"scope":{"name":"martlet"},"spans":[{"traceId":"00000000000000010000000000000002","spanId":"0000000000000003","parentSpanId":"0000000000000004","name":"GET /x","kind":2,"startTimeUnixNano":"5000","endTimeUnixNano":"6000","attributes":[{"key":"http.route","value":{"stringValue":"/x"}}],"status":{"code":2,"message":"Broken"}}]}]}]}"#
        )
    }
}
