import Contracts
import JSON
import Kernel

/// Runs jobs of some kinds inside this service.
protocol Provider: Sendable {
    /// The kinds it runs, with the schemas of their params.
    var kinds: [Kind] { get }

    /// How many jobs it runs at once.
    var concurrency: Int { get }

    /// Runs one attempt of a job. Cancellation means: stop now; the job was cancelled, timed out or is to be handed on.
    ///
    /// - Throws: `ProviderFailure` for a failed attempt; any other error is a fault of ours and counts as one that
    ///   another attempt may mend. `CancellationError` when cancelled.
    func run(_ lease: Lease, _ attempt: Attempt) async throws -> ProviderResult
}

/// What a provider yields.
struct ProviderResult: Sendable {
    /// Where the result is.
    var url: String?
    /// Facts about it.
    var details: RawJSON?
}

/// Why an attempt failed, in words for the job's owner.
struct ProviderFailure: Error {
    let code: String
    let message: String
    var isRetryable = true
    var retryAfter: Duration?
}

/// What a running attempt may do meanwhile.
struct Attempt: Sendable {
    /// Tells how far it is. Throws `LeaseLost` when the job is no longer this attempt's.
    let report: @Sendable (Progress) async throws -> Void
    /// Keeps lines of output.
    let log: @Sendable ([String]) async throws -> Void
    /// Where results are kept.
    let results: ResultStore

    struct LeaseLost: Error {}
}
