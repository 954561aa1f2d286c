import HTTPClient
import Kernel

/// What the head of a refusal says about trying again.
struct RetryAdvice: Sendable, Hashable {
    /// The provider's own word, which wins over every rule of ours.
    var shouldRetry: Bool?
    /// How long it asks to be left alone.
    var wait: Duration?

    /// Reads `x-should-retry`, and `retry-after-ms` or else `retry-after` in seconds, with fractions, or as a date.
    init(_ head: ResponseHead, now: Timestamp) {
        shouldRetry =
            switch head.headers["x-should-retry"]?.lowercased() {
            case "true": true
            case "false": false
            default: nil
            }
        wait =
            RetryAdvice.duration(head.headers["retry-after-ms"], microseconds: 1e3)
            ?? RetryAdvice.duration(head.headers["retry-after"], microseconds: 1e6)
            ?? head.retryAfter(now: now)
    }

    private static func duration(_ text: String?, microseconds unit: Double) -> Duration? {
        guard let number = text.flatMap({ Double($0) }), number.isFinite, number >= 0 else { return nil }
        // A day is as good as never.
        return .microseconds(Int64(min(number * unit, 86_400e6)))
    }
}
