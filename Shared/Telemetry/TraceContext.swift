public import Kernel

/// A W3C trace context: which trace a piece of work belongs to, and under which span it runs.
public struct TraceContext: Sendable, Hashable {
    /// The trace, never zero.
    public let traceID: UUID
    /// The span that work started from here has as its parent, never zero.
    public let spanID: UInt64
    /// Whether the caller records the trace.
    public let sampled: Bool
    /// The vendors' own part, passed on untouched.
    public let state: String?

    private static let alphabet = Array("0123456789abcdef-".utf8)

    /// A context from its parts.
    public init(traceID: UUID, spanID: UInt64, sampled: Bool, state: String? = nil) {
        self.traceID = traceID
        self.spanID = spanID
        self.sampled = sampled
        self.state = state
    }

    /// A new trace.
    public static func root(_ random: RandomSource = .system) -> TraceContext {
        TraceContext(
            traceID: UUID(high: random.next() | 1, low: random.next()),
            spanID: random.next() | 1,
            sampled: true
        )
    }

    /// Parses a `traceparent` header; `nil` when it is not valid, and a new trace is to be started.
    public init?(traceparent: String, tracestate: String? = nil) {
        let parts = traceparent.split(separator: "-", omittingEmptySubsequences: false)
        guard parts.count >= 4, let version = Hex.decode(String(parts[0])), version.count == 1, version[0] != 255,
            version[0] != 0 || parts.count == 4,
            parts[1].utf8.count == 32, parts[2].utf8.count == 16, parts[3].utf8.count == 2,
            traceparent.utf8.prefix(55).allSatisfy({ TraceContext.alphabet.contains($0) }),
            let high = UInt64(parts[1].prefix(16), radix: 16), let low = UInt64(parts[1].suffix(16), radix: 16),
            let span = UInt64(parts[2], radix: 16), let flags = UInt8(parts[3], radix: 16),
            high | low != 0, span != 0
        else { return nil }
        let state = tracestate.flatMap { $0.isEmpty || $0.utf8.count > 512 ? nil : $0 }
        self.init(traceID: UUID(high: high, low: low), spanID: span, sampled: flags & 1 == 1, state: state)
    }

    /// The `traceparent` header.
    public var traceparent: String { "00-\(traceIDText)-\(spanIDText)-\(sampled ? "01" : "00")" }

    /// The trace's 32 hexadecimal digits.
    public var traceIDText: String { Hex.encode(traceID.bytes) }
    /// The span's 16 hexadecimal digits.
    public var spanIDText: String {
        Hex.encode((0..<8).map { UInt8(truncatingIfNeeded: spanID >> UInt64(56 - $0 * 8)) })
    }

    /// The same trace under another span.
    public func child(_ random: RandomSource = .system) -> TraceContext {
        TraceContext(traceID: traceID, spanID: random.next() | 1, sampled: sampled, state: state)
    }
}
