import JSON

/// Answers each job with its own params: nothing to install, to try things out and to measure what a job costs.
struct EchoProvider: Provider {
    let concurrency: Int

    var kinds: [Kind] {
        [
            Kind(
                name: "echo",
                summary: "completes at once, with the params as the result",
                params: .anyObject,
                provider: "echo",
                unavailable: nil
            )
        ]
    }

    func run(_ lease: Lease, _ attempt: Attempt) async throws -> ProviderResult {
        ProviderResult(details: lease.params)
    }
}
