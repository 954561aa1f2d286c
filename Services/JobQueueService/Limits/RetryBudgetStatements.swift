import Postgres

/// Statements over `jobs.retry_budgets`: buckets of tokens, one for each retry. A bucket may be in debt: the tokens that
/// it will get first belong to retries that were put off.
enum RetryBudgetStatements {
    /// The CTEs that take a token for each retry among the rows of a CTE (`id`, `dependency`, `again`). `spaced` has
    /// those for which there was none, with the times at which there will be, first tries left aside.
    ///
    /// Who inserts locks the bucket's row and then sees its newest version, so two at once never spend the same token.
    static func space(_ name: String, _ budget: RetryBudget) -> SQL {
        """
        spent AS (
            INSERT INTO jobs.retry_budgets AS bucket (dependency, tokens, counted_at)
            SELECT retry.dependency, \(budget.most) - count(*), clock_timestamp()
            FROM \(unchecked: name) AS retry
            WHERE retry.again AND retry.dependency IS NOT NULL
            GROUP BY retry.dependency
            ORDER BY retry.dependency
            ON CONFLICT (dependency) DO UPDATE
            SET tokens = \(filled(budget)) - (\(budget.most) - excluded.tokens), counted_at = clock_timestamp()
            RETURNING bucket.dependency, bucket.tokens
        ), spaced AS (
            SELECT retry.id, now() + make_interval(secs => -level.tokens / \(budget.perSecond)) AS earliest
            FROM (
                SELECT id, dependency,
                    count(*) OVER (PARTITION BY dependency) - row_number() OVER (PARTITION BY dependency ORDER BY id)
                        AS later
                FROM \(unchecked: name)
                WHERE again AND dependency IS NOT NULL
            ) AS retry
            JOIN spent ON spent.dependency = retry.dependency
            CROSS JOIN LATERAL (SELECT spent.tokens + retry.later AS tokens) AS level
            WHERE level.tokens < 0
        )
        """
    }

    /// Adds the tokens that first tries bring.
    static func deposit(_ firstTries: [String: Int], _ budget: RetryBudget) -> SQL {
        let tries = firstTries.sorted { $0.key < $1.key }
        return """
            INSERT INTO jobs.retry_budgets AS bucket (dependency, tokens, counted_at)
            SELECT first.dependency, \(budget.most) + first.tokens, clock_timestamp()
            FROM unnest(\(tries.map(\.key)), \(tries.map { Double($0.value) * budget.ratio }))
                AS first (dependency, tokens)
            ORDER BY first.dependency
            ON CONFLICT (dependency) DO UPDATE
            SET tokens = least(\(budget.most), \(filled(budget)) + excluded.tokens - \(budget.most)),
                counted_at = clock_timestamp()
            """
    }

    /// The bucket's tokens now.
    private static func filled(_ budget: RetryBudget) -> SQL {
        """
        least(
            \(budget.most),
            bucket.tokens + \(budget.perSecond) * extract(epoch FROM clock_timestamp() - bucket.counted_at)::double precision
        )
        """
    }
}
