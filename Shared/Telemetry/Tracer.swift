import Concurrency
public import Kernel

/// Collects finished spans until they are exported. Where no exporter is configured it does nothing.
public final class Tracer: Sendable {
    private let clock: WallClock
    private let capacity: Int
    private let spans = Lock<[Span]>([])
    private let arrived = Wakeup()
    private let dropped: Counter

    /// Spans that did not fit are counted and dropped; `capacity` 0 collects nothing.
    public init(capacity: Int, metrics: Metrics, clock: WallClock = .system) {
        self.capacity = capacity
        self.clock = clock
        dropped = metrics.counter("martlet_spans_dropped_total", "Spans that came faster than they could be exported.")
    }

    /// Whether spans are collected; ask before computing costly attributes.
    public var isOn: Bool { capacity > 0 }

    /// Runs `body` as a span of `parent`'s trace, and hands it the context to pass on.
    public func span<Value>(
        _ name: String,
        _ kind: Span.Kind,
        in parent: TraceContext,
        attributes: [(name: String, value: String)] = [],
        _ body: (TraceContext) async throws -> Value
    ) async throws -> Value {
        let context = parent.child()
        guard isOn, parent.sampled else { return try await body(context) }
        let start = clock.now()
        func finish(_ failure: String?) {
            record(
                Span(
                    context: context,
                    parent: parent.spanID,
                    name: name,
                    kind: kind,
                    start: start,
                    end: clock.now(),
                    attributes: attributes,
                    failure: failure
                )
            )
        }
        do {
            let value = try await body(context)
            finish(nil)
            return value
        } catch {
            finish("\(type(of: error))")
            throw error
        }
    }

    /// Keeps a finished span.
    public func record(_ span: Span) {
        guard isOn, span.context.sampled else { return }
        let fits = spans.withLock { spans in
            guard spans.count < capacity else { return false }
            spans.append(span)
            return true
        }
        if fits { arrived.signal() } else { dropped.add() }
    }

    /// The spans collected so far, at most `limit`; waits up to `patience` for the first.
    public func take(atMost limit: Int, patience: Duration) async throws -> [Span] {
        if spans.withLock({ $0.isEmpty }) { _ = try await arrived.wait(atMost: patience) }
        return spans.withLock { spans in
            defer { spans.removeFirst(min(limit, spans.count)) }
            return Array(spans.prefix(limit))
        }
    }
}
