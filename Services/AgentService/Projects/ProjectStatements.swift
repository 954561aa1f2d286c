import Contracts
import JSON
import Kernel
import Postgres

/// Statements over `agent.projects`.
///
/// Locks are taken in one order everywhere: the project's row, then rows below it. The project's row is the lock of
/// every change of order or number below it, so such changes follow one another and cannot deadlock.
enum ProjectStatements {
    static func insert(_ id: ProjectID, title: String, description: String?, metadata: RawJSON) -> SQL {
        """
        INSERT INTO agent.projects AS project (id, title, description, metadata)
        VALUES (\(id), \(title), \(description), \(metadata))
        RETURNING \(Project.columns)
        """
    }

    static func find(_ id: ProjectID, limit: ProjectID?) -> SQL {
        """
        SELECT \(Project.columns)
        FROM agent.projects AS project
        WHERE project.id = \(id) AND \(isVisible(to: limit))
        """
    }

    /// Locks a project against every other change of order below it.
    static func lock(_ id: ProjectID, limit: ProjectID?) -> SQL { "\(find(id, limit: limit)) FOR NO KEY UPDATE" }

    /// Keeps a project from being deleted while something is attached to it.
    static func hold(_ id: ProjectID) -> SQL { "\(find(id, limit: nil)) FOR KEY SHARE" }

    static func list(before: UUID?, limit project: ProjectID?, count: Int) -> SQL {
        """
        SELECT \(Project.columns)
        FROM agent.projects AS project
        WHERE \(isVisible(to: project)) AND (\(before)::uuid IS NULL OR project.id < \(before))
        ORDER BY project.id DESC
        LIMIT \(count)
        """
    }

    static func update(_ id: ProjectID, title: String?, description: TextChange, metadata: RawJSON?) -> SQL {
        """
        UPDATE agent.projects AS project
        SET title = coalesce(\(title), title),
            description = CASE WHEN \(description.isGiven) THEN \(description.value) ELSE description END,
            metadata = coalesce(\(metadata), metadata), version = version + 1, updated_at = now()
        WHERE project.id = \(id)
        RETURNING \(Project.columns)
        """
    }

    /// Deletes a locked project with all below it, and reports what was below.
    static func delete(_ id: ProjectID, trace: String?) -> SQL {
        """
        WITH gone_cards AS (
            DELETE FROM agent.cards AS card USING agent.activities AS activity
            WHERE activity.id = card.activity_id AND activity.project_id = \(id)
            RETURNING card.id, card.activity_id, activity.project_id, card.seq + 1 AS seq, card.status, card.position,
                card.version
        ), gone_activities AS (
            DELETE FROM agent.activities WHERE project_id = \(id)
            RETURNING id, project_id, seq + 1 AS seq, position, version
        ), logged_cards AS (
            \(ChangeStatements.cards(in: "gone_cards", .deleted, trace: trace))
        ), logged_activities AS (
            \(ChangeStatements.activities(in: "gone_activities", .deleted, trace: trace))
        )
        DELETE FROM agent.projects WHERE id = \(id)
        """
    }

    private static func isVisible(to limit: ProjectID?) -> SQL {
        "(\(limit)::uuid IS NULL OR project.id = \(limit))"
    }
}
