import Contracts
import Kernel
import Postgres

/// Statements of what is read together as memory, over several tables.
enum MemoryStatements {
    /// How many there are of what memory shows only a part of.
    static func counts(_ project: ProjectID) -> SQL {
        """
        SELECT
            (SELECT count(*) FROM agent.activities WHERE project_id = \(project)),
            (SELECT count(*) FROM agent.cards AS card JOIN agent.activities AS activity
                ON activity.id = card.activity_id WHERE activity.project_id = \(project)),
            (SELECT count(*) FROM agent.approvals WHERE project_id = \(project) AND revoked_at IS NULL),
            (SELECT count(*) FROM jobs.job_views WHERE project_id = \(project))
        """
    }

    /// Cards of the first activities of a project, in order. By activity, because the planner would read all cards that
    /// there are when it takes them for few.
    static func cards(_ project: ProjectID, activities: Int, limit: Int) -> SQL {
        """
        SELECT \(CardOverview.columns)
        FROM (
            SELECT id, position FROM agent.activities WHERE project_id = \(project) AND position <= \(activities)
        ) AS activity
        CROSS JOIN LATERAL (
            SELECT * FROM agent.cards WHERE activity_id = activity.id ORDER BY position LIMIT \(limit)
        ) AS card
        ORDER BY activity.position, card.position
        LIMIT \(limit)
        """
    }
}
