import Contracts
import Kernel
import Postgres

/// Statements of what is read together as memory, over several tables.
enum MemoryStatements {
    /// The moment that a transaction reads at.
    static let moment: SQL = "SELECT now()"

    /// How many there are of what memory shows only a part of.
    static func counts(_ project: ProjectID) -> SQL {
        """
        SELECT
            (SELECT count(*) FROM agent.activities WHERE project_id = \(project)),
            (SELECT count(*) FROM agent.cards AS card JOIN agent.activities AS activity
                ON activity.id = card.activity_id WHERE activity.project_id = \(project)),
            (SELECT count(*) FROM agent.approvals AS approval JOIN agent.assets AS asset
                ON asset.id = approval.asset_id WHERE asset.project_id = \(project) AND approval.revoked_at IS NULL),
            (SELECT count(*) FROM jobs.job_views WHERE project_id = \(project))
        """
    }

    /// Cards of the first activities of a project, in order.
    static func cards(_ project: ProjectID, activities: Int, limit: Int) -> SQL {
        """
        SELECT \(CardOverview.columns)
        FROM agent.cards AS card JOIN agent.activities AS activity ON activity.id = card.activity_id
        WHERE activity.project_id = \(project) AND activity.position <= \(activities)
        ORDER BY activity.position, card.position
        LIMIT \(limit)
        """
    }
}
