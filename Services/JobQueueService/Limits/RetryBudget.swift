import Kernel
import Settings

/// How many retries all jobs of a dependency may have together, so that what is down is not kept down by retries: so
/// many per second in any case, and a share of the first tries. What is not used is kept, up to ten seconds' worth.
struct RetryBudget: Sendable {
    /// Retries per first try.
    let ratio: Double
    let perSecond: Double

    var most: Double { perSecond * 10 }
}

/// When a failed job is tried again.
struct RetryPolicy: Sendable {
    let backoff: Backoff
    let budget: RetryBudget

    init(backoff: Backoff, budget: RetryBudget) {
        self.backoff = backoff
        self.budget = budget
    }

    init(_ reader: inout SettingsReader) {
        backoff = Backoff(
            from: reader.milliseconds(
                "RETRY_INITIAL_MS",
                "bound of the first wait before a retry",
                default: 1_000,
                in: 1...3_600_000
            ),
            cap: reader.milliseconds(
                "RETRY_CAP_MS",
                "bound of every wait before a retry",
                default: 600_000,
                in: 1...86_400_000
            )
        )
        budget = RetryBudget(
            ratio: Double(
                reader.int(
                    "RETRY_BUDGET_PERCENT",
                    "retries of a dependency per hundred first tries",
                    default: 20,
                    in: 0...1_000
                )
            ) / 100,
            perSecond: Double(
                reader.int(
                    "RETRY_BUDGET_PER_SECOND",
                    "retries of a dependency per second that are allowed in any case",
                    default: 10,
                    in: 1...100_000
                )
            )
        )
    }
}
