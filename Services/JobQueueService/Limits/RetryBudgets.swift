import Concurrency
import Kernel
import Lifecycle
import Postgres
import Telemetry

/// Counts first tries of jobs that name a dependency, and brings the sums to the database once a second: a budget that
/// is a second late allows a little less, and starting a job costs nothing more.
final class RetryBudgets: Sendable {
    private let pool: Pool
    private let budget: RetryBudget
    private let firstTries = Lock<[String: Int]>([:])

    init(pool: Pool, budget: RetryBudget) {
        self.pool = pool
        self.budget = budget
    }

    /// Notes a first try.
    func started(_ dependency: String) { firstTries.withLock { $0[dependency, default: 0] += 1 } }

    /// Brings what was counted to the database.
    func deposit() async throws {
        let counted = firstTries.withLock { counts in
            defer { counts = [:] }
            return counts
        }
        guard !counted.isEmpty else { return }
        _ = try await pool.execute(RetryBudgetStatements.deposit(counted, budget))
    }

    /// Does so every second.
    func duty(logger: Logger) -> any Service {
        Duty(name: "retry budgets", period: .seconds(1), logger: logger) { [self] in
            try await deposit()
            return false
        }
    }
}
