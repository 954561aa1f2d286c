import Contracts
import Kernel
import Postgres

/// Statements over `agent.activities`. Those that change the order want the project's row locked.
enum ActivityStatements {
    static func find(_ id: ActivityID, limit: ProjectID?) -> SQL {
        """
        SELECT \(Activity.columns)
        FROM agent.activities AS activity
        WHERE activity.id = \(id) AND (\(limit)::uuid IS NULL OR activity.project_id = \(limit))
        """
    }

    static func lock(_ id: ActivityID, limit: ProjectID?) -> SQL { "\(find(id, limit: limit)) FOR NO KEY UPDATE" }

    static func count(in project: ProjectID) -> SQL {
        "SELECT count(*) FROM agent.activities WHERE project_id = \(project)"
    }

    static func insert(
        _ id: ActivityID,
        in project: ProjectID,
        title: String,
        description: String?,
        taskType: String,
        trace: String?
    ) -> SQL {
        """
        WITH activity AS (
            INSERT INTO agent.activities (id, project_id, title, description, task_type, position)
            SELECT \(id), \(project), \(title), \(description), \(taskType), coalesce(max(position), 0) + 1
            FROM agent.activities WHERE project_id = \(project)
            RETURNING *
        ), logged AS (
            \(ChangeStatements.activities(in: "activity", .created, trace: trace))
        )
        SELECT \(Activity.columns) FROM activity
        """
    }

    /// Activities of a project by position, after another one of them.
    static func list(in project: ProjectID, after: UUID?, limit: Int) -> SQL {
        """
        SELECT \(Activity.columns)
        FROM agent.activities AS activity
        WHERE activity.project_id = \(project) AND (
            \(after)::uuid IS NULL
            OR activity.position > (
                SELECT position FROM agent.activities WHERE id = \(after) AND project_id = \(project)
            )
        )
        ORDER BY activity.position, activity.id
        LIMIT \(limit)
        """
    }

    static func update(
        _ id: ActivityID,
        title: String?,
        description: TextChange,
        taskType: String?,
        trace: String?
    ) -> SQL {
        """
        WITH activity AS (
            UPDATE agent.activities
            SET title = coalesce(\(title), title),
                description = CASE WHEN \(description.isGiven) THEN \(description.value) ELSE description END,
                task_type = coalesce(\(taskType), task_type), seq = seq + 1, version = version + 1, updated_at = now()
            WHERE id = \(id)
            RETURNING *
        ), logged AS (
            \(ChangeStatements.activities(in: "activity", .updated, trace: trace))
        )
        SELECT \(Activity.columns) FROM activity
        """
    }

    /// Moves an activity; those between its old and its new place make room.
    static func move(_ activity: Activity, to position: Int, trace: String?) -> SQL {
        """
        WITH shifted AS (
            UPDATE agent.activities
            SET position = CASE
                    WHEN id = \(activity.id) THEN \(position)
                    WHEN \(activity.position < position) THEN position - 1
                    ELSE position + 1
                END,
                seq = CASE WHEN id = \(activity.id) THEN seq + 1 ELSE seq END,
                version = CASE WHEN id = \(activity.id) THEN version + 1 ELSE version END,
                updated_at = CASE WHEN id = \(activity.id) THEN now() ELSE updated_at END
            WHERE project_id = \(activity.projectID)
                AND position BETWEEN \(min(activity.position, position)) AND \(max(activity.position, position))
            RETURNING *
        ), activity AS (
            SELECT * FROM shifted WHERE id = \(activity.id)
        ), logged AS (
            \(ChangeStatements.activities(in: "activity", .moved, trace: trace))
        )
        SELECT \(Activity.columns) FROM activity
        """
    }

    /// Deletes an activity with its cards and closes the gap.
    static func delete(_ activity: Activity, trace: String?) -> SQL {
        """
        WITH gone_cards AS (
            DELETE FROM agent.cards WHERE activity_id = \(activity.id)
            RETURNING id, activity_id, \(activity.projectID)::uuid AS project_id, seq + 1 AS seq, status, position,
                version
        ), gone AS (
            DELETE FROM agent.activities WHERE id = \(activity.id)
            RETURNING id, project_id, seq + 1 AS seq, position, version
        ), logged_cards AS (
            \(ChangeStatements.cards(in: "gone_cards", .deleted, trace: trace))
        ), logged AS (
            \(ChangeStatements.activities(in: "gone", .deleted, trace: trace))
        )
        UPDATE agent.activities SET position = position - 1
        WHERE project_id = \(activity.projectID) AND position > \(activity.position)
        """
    }
}
