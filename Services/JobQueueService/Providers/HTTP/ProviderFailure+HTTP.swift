import HTTPClient
import Kernel

extension ProviderFailure {
    /// No answer came.
    init(_ error: ClientError) {
        switch error {
        case .addressRefused, .tooManyRedirects, .invalidURL, .invalidRequest:
            self.init(code: "PROVIDER_MISCONFIGURED", message: "\(error)", isRetryable: false)
        case .responseTooLarge, .headersTooLarge:
            self.init(code: "PROVIDER_BAD_ANSWER", message: "\(error)", isRetryable: false)
        default:
            self.init(code: "PROVIDER_UNREACHABLE", message: "\(error)")
        }
    }

    /// An answer that is no success: too many requests and faults of theirs may pass, all else will not.
    init(answer head: ResponseHead) {
        let passes = head.status == 429 || head.status == 408 || head.status >= 500
        self.init(
            code: passes ? "PROVIDER_UNAVAILABLE" : "PROVIDER_REFUSED",
            message: "the provider answered with status \(head.status)",
            isRetryable: passes,
            retryAfter: passes ? head.retryAfter(now: WallClock.system.now()) : nil
        )
    }
}
