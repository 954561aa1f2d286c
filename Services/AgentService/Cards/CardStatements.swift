import Contracts
import JSON
import Kernel
import Postgres

/// Statements over `agent.cards`. Those that change the order want the project's row locked; a card never leaves its
/// project.
enum CardStatements {
    static func find(_ id: CardID, limit: ProjectID?) -> SQL {
        """
        SELECT \(Card.columns)
        FROM agent.cards AS card JOIN agent.activities AS activity ON activity.id = card.activity_id
        WHERE card.id = \(id) AND (\(limit)::uuid IS NULL OR activity.project_id = \(limit))
        """
    }

    /// Locks a card's row. To be read by a statement of its own after it: one that joins and waits for a lock would
    /// not find a card that was moved meanwhile.
    static func lock(_ id: CardID) -> SQL { "SELECT FROM agent.cards WHERE id = \(id) FOR NO KEY UPDATE" }

    static func count(in activity: ActivityID) -> SQL {
        "SELECT count(*) FROM agent.cards WHERE activity_id = \(activity)"
    }

    /// Appends cards to an activity in the given order.
    static func insert(_ drafts: [CardDraft], in activity: Activity, trace: String?) -> SQL {
        """
        WITH draft AS (
            SELECT *
            FROM unnest(
                \(drafts.map(\.id)), \(drafts.map(\.title)), \(drafts.map(\.prompt)), \(drafts.map(\.params))
            ) WITH ORDINALITY AS draft (id, title, prompt, params, number)
        ), card AS (
            INSERT INTO agent.cards (id, activity_id, title, prompt, params, position)
            SELECT id, \(activity.id), title, prompt, params, number + (
                SELECT coalesce(max(position), 0) FROM agent.cards WHERE activity_id = \(activity.id)
            )
            FROM draft
            RETURNING *, \(activity.projectID)::uuid AS project_id
        ), logged AS (
            \(ChangeStatements.cards(in: "card", .created, trace: trace))
        )
        SELECT \(Card.columns)
        FROM card, (SELECT \(activity.projectID)::uuid AS project_id) AS activity
        ORDER BY card.position
        """
    }

    /// Cards of an activity by position, after another one of them.
    static func list(in activity: ActivityID, after: UUID?, limit: Int) -> SQL {
        """
        SELECT \(Card.columns)
        FROM agent.cards AS card JOIN agent.activities AS activity ON activity.id = card.activity_id
        WHERE card.activity_id = \(activity) AND (
            \(after)::uuid IS NULL
            OR card.position > (SELECT position FROM agent.cards WHERE id = \(after) AND activity_id = \(activity))
        )
        ORDER BY card.position, card.id
        LIMIT \(limit)
        """
    }

    static func isIn(_ activity: ActivityID, _ card: CardID) -> SQL {
        "SELECT FROM agent.cards WHERE id = \(card) AND activity_id = \(activity)"
    }

    static func overviews(ofActivities activities: [ActivityID]) -> SQL {
        """
        SELECT \(CardOverview.columns)
        FROM agent.cards AS card
        WHERE card.activity_id = ANY(\(activities))
        ORDER BY card.position
        """
    }

    static func update(
        _ card: Card,
        title: String?,
        prompt: TextChange,
        params: RawJSON?,
        status: String?,
        trace: String?
    ) -> SQL {
        """
        WITH card AS (
            UPDATE agent.cards
            SET title = coalesce(\(title), title),
                prompt = CASE WHEN \(prompt.isGiven) THEN \(prompt.value) ELSE prompt END,
                params = coalesce(\(params), params), status = coalesce(\(status), status),
                seq = seq + 1, version = version + 1, updated_at = now()
            WHERE id = \(card.id)
            RETURNING *, \(card.projectID)::uuid AS project_id
        ), logged AS (
            \(ChangeStatements.cards(in: "card", .updated, trace: trace))
        )
        SELECT \(Card.columns) FROM card, (SELECT \(card.projectID)::uuid AS project_id) AS activity
        """
    }

    /// Moves a card to a place of an activity of the same project; neighbours close the gap and make room.
    static func move(_ card: Card, to target: ActivityID, at position: Int, trace: String?) -> SQL {
        """
        WITH shifted AS (
            UPDATE agent.cards
            SET activity_id = CASE WHEN id = \(card.id) THEN \(target) ELSE activity_id END,
                position = CASE WHEN id = \(card.id) THEN \(position) ELSE position + \(step(card, target, position)) END,
                seq = CASE WHEN id = \(card.id) THEN seq + 1 ELSE seq END,
                version = CASE WHEN id = \(card.id) THEN version + 1 ELSE version END,
                updated_at = CASE WHEN id = \(card.id) THEN now() ELSE updated_at END
            WHERE id = \(card.id) OR \(isShifted(card, target, position))
            RETURNING *, \(card.projectID)::uuid AS project_id
        ), card AS (
            SELECT * FROM shifted WHERE id = \(card.id)
        ), logged AS (
            \(ChangeStatements.cards(in: "card", .moved, trace: trace))
        )
        SELECT \(Card.columns) FROM card, (SELECT \(card.projectID)::uuid AS project_id) AS activity
        """
    }

    private static func isShifted(_ card: Card, _ target: ActivityID, _ position: Int) -> SQL {
        guard target != card.activityID else {
            let lower = min(card.position, position)
            let upper = max(card.position, position)
            return "(activity_id = \(target) AND position BETWEEN \(lower) AND \(upper))"
        }
        return """
            (activity_id = \(card.activityID) AND position > \(card.position))
            OR (activity_id = \(target) AND position >= \(position))
            """
    }

    private static func step(_ card: Card, _ target: ActivityID, _ position: Int) -> SQL {
        guard target != card.activityID else { return card.position < position ? "-1" : "1" }
        return "CASE WHEN activity_id = \(target) THEN 1 ELSE -1 END"
    }

    /// Deletes a card and closes the gap.
    static func delete(_ card: Card, trace: String?) -> SQL {
        """
        WITH gone AS (
            DELETE FROM agent.cards WHERE id = \(card.id)
            RETURNING id, activity_id, \(card.projectID)::uuid AS project_id, seq + 1 AS seq, status, position, version
        ), logged AS (
            \(ChangeStatements.cards(in: "gone", .deleted, trace: trace))
        )
        UPDATE agent.cards SET position = position - 1
        WHERE activity_id = \(card.activityID) AND position > \(card.position)
        """
    }

    /// Notes a new asset: work on the card awaits review now, unless somebody has decided on it.
    static func noteAsset(_ asset: AssetID, of card: Card, trace: String?) -> SQL {
        """
        WITH card AS (
            UPDATE agent.cards
            SET status = CASE WHEN status IN ('todo', 'in_progress') THEN 'review' ELSE status END,
                version = CASE WHEN status IN ('todo', 'in_progress') THEN version + 1 ELSE version END,
                updated_at = CASE WHEN status IN ('todo', 'in_progress') THEN now() ELSE updated_at END,
                seq = seq + 1
            WHERE id = \(card.id)
            RETURNING *, \(card.projectID)::uuid AS project_id
        ), logged AS (
            \(ChangeStatements.cards(in: "card", .assetAdded, asset: asset, trace: trace))
        )
        SELECT id FROM card
        """
    }
}
