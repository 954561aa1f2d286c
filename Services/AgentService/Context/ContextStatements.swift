import Contracts
import Kernel
import Postgres

/// Statements of contexts.
enum ContextStatements {
    /// The moment that the transaction reads at, and how many activities, cards, approved assets and jobs there are, of
    /// each at most so many: beyond that nobody counts.
    static func extent(of project: ProjectID, atMost limits: ContextReading.Extent) -> SQL {
        """
        SELECT now(),
            (SELECT count(*) FROM (
                SELECT FROM agent.activities WHERE project_id = \(project) LIMIT \(limits.activities)
            ) AS counted),
            (SELECT count(*) FROM (
                SELECT FROM agent.cards AS card JOIN agent.activities AS activity ON activity.id = card.activity_id
                WHERE activity.project_id = \(project) LIMIT \(limits.cards)
            ) AS counted),
            (SELECT count(*) FROM (
                SELECT FROM agent.approvals WHERE project_id = \(project) AND revoked_at IS NULL LIMIT \(limits.assets)
            ) AS counted),
            (SELECT count(*) FROM (
                SELECT FROM jobs.job_views WHERE project_id = \(project) LIMIT \(limits.jobs)
            ) AS counted)
        """
    }
}
