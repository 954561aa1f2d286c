public import Kernel

/// When a request is tried again: only when that cannot do anything twice.
///
/// | what happened                              | idempotent | other |
/// | connection refused, or lost unsent         | yes        | yes   |
/// | connection lost, timed out after sending   | yes        | no    |
/// | 429, 502, 503, 504                         | yes        | no    |
///
/// Wrong URLs, certificates, too large answers and the like are never tried again.
public struct RetryRule: Sendable {
    /// How many times it is sent at most.
    public let attempts: Int
    let backoff: Backoff
    let longestWait: Duration

    /// Once.
    public static let none = RetryRule(attempts: 1, backoff: Backoff(from: .zero, cap: .zero), longestWait: .zero)

    /// Up to `attempts` times, as far as it is safe. `Retry-After` is honoured up to `longestWait`; a server that
    /// asks for more gets no further attempt, and the caller its answer.
    public static func safe(
        attempts: Int,
        backoff: Backoff = Backoff(from: .milliseconds(200), cap: .seconds(5)),
        longestWait: Duration = .seconds(30)
    ) -> RetryRule {
        precondition(attempts > 0, "a request is sent at least once")
        return RetryRule(attempts: attempts, backoff: backoff, longestWait: longestWait)
    }

    /// How long to wait before the next attempt after a failure; `nil` to give up.
    func wait(
        after failure: TransferFailure,
        attempt: Int,
        idempotent: Bool,
        random: RandomSource
    ) -> Duration? {
        guard attempt < attempts, idempotent || !failure.mayHaveBeenSeen else { return nil }
        switch failure.error {
        case .couldNotConnect, .couldNotResolve, .connectionLost, .timedOut:
            return backoff.wait(afterAttempt: attempt, random: random)
        default: return nil
        }
    }

    /// How long to wait before the next attempt after an answer; `nil` to take it.
    func wait(
        after head: ResponseHead,
        attempt: Int,
        idempotent: Bool,
        now: Timestamp,
        random: RandomSource
    ) -> Duration? {
        guard attempt < attempts, idempotent, [429, 502, 503, 504].contains(head.status) else { return nil }
        let drawn = backoff.wait(afterAttempt: attempt, random: random)
        guard let asked = head.headers["retry-after"].flatMap({ Self.retryAfter($0, now: now) }) else { return drawn }
        return asked <= longestWait ? max(asked, drawn) : nil
    }

    /// Reads `Retry-After`: seconds, or a date as `Sun, 06 Nov 1994 08:49:37 GMT`.
    static func retryAfter(_ text: String, now: Timestamp) -> Duration? {
        if let seconds = UInt32(text) { return .seconds(seconds) }
        let parts = text.split(separator: " ")
        let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
        guard parts.count == 6, parts[5] == "GMT", let month = months.firstIndex(of: String(parts[2])) else {
            return nil
        }
        let digits = month + 1 < 10 ? "0\(month + 1)" : "\(month + 1)"
        return Timestamp("\(parts[3])-\(digits)-\(parts[1])T\(parts[4])Z").map { max(.zero, $0 - now) }
    }
}
