import Contracts
import Kernel
import Postgres

/// Statements over `agent.notes`. The project's row is the lock of every change.
enum NoteStatements {
    private static let isQuarantined: SQL = "(note.source = 'tool' AND note.approved_at IS NULL)"
    private static let state: SQL = """
        CASE
            WHEN \(isQuarantined) THEN 'quarantined'
            WHEN note.superseded_by IS NOT NULL THEN 'superseded'
            WHEN note.valid_until <= now() THEN 'expired'
            ELSE 'live'
        END
        """
    /// What `Note.init(_:)` reads, in its order.
    private static let columns: SQL = """
        note.id, note.project_id, note.text, note.author, note.source, note.confidence, note.valid_until,
        note.superseded_by, note.approved_by, note.approved_at, \(state), note.version, note.created_at, note.updated_at
        """

    static func insert(
        _ id: NoteID,
        in project: ProjectID,
        text: String,
        author: String,
        source: Note.Source,
        confidence: Double,
        validUntil: Timestamp?
    ) -> SQL {
        """
        INSERT INTO agent.notes AS note (id, project_id, text, author, source, confidence, valid_until)
        VALUES (\(id), \(project), \(text), \(author), \(source.rawValue), \(confidence), \(validUntil))
        RETURNING \(columns)
        """
    }

    static func find(_ id: NoteID, limit: ProjectID?) -> SQL {
        """
        SELECT \(columns)
        FROM agent.notes AS note
        WHERE note.id = \(id) AND (\(limit)::uuid IS NULL OR note.project_id = \(limit))
        """
    }

    /// Notes of a project, newest first.
    static func list(in project: ProjectID, state wanted: String?, before: UUID?, limit: Int) -> SQL {
        """
        SELECT \(columns)
        FROM agent.notes AS note
        WHERE note.project_id = \(project) AND (\(wanted)::text IS NULL OR \(state) = \(wanted))
            AND (\(before)::uuid IS NULL OR note.id < \(before))
        ORDER BY note.id DESC
        LIMIT \(limit)
        """
    }

    /// What a context considers: those that may be told first, so that no others can crowd them out.
    static func forContext(of project: ProjectID, limit: Int) -> SQL {
        """
        SELECT \(columns)
        FROM agent.notes AS note
        WHERE note.project_id = \(project)
        ORDER BY \(state) = 'live' DESC, note.id DESC
        LIMIT \(limit)
        """
    }

    /// How many notes a project has, in quarantine or not.
    static func count(in project: ProjectID, quarantined: Bool) -> SQL {
        """
        SELECT count(*) FROM agent.notes AS note
        WHERE note.project_id = \(project) AND \(isQuarantined) = \(quarantined)
        """
    }

    static func update(
        _ id: NoteID,
        text: String?,
        confidence: Double?,
        validUntil: TextChange,
        supersededBy: TextChange
    ) -> SQL {
        """
        UPDATE agent.notes AS note
        SET text = coalesce(\(text), text), confidence = coalesce(\(confidence), confidence),
            valid_until = CASE WHEN \(validUntil.isGiven) THEN \(validUntil.value)::timestamptz ELSE valid_until END,
            superseded_by = CASE
                WHEN \(supersededBy.isGiven) THEN \(supersededBy.value)::uuid ELSE superseded_by
            END,
            version = version + 1, updated_at = now()
        WHERE note.id = \(id)
        RETURNING \(columns)
        """
    }

    /// Ends the quarantine of a note.
    static func approve(_ id: NoteID, by caller: String) -> SQL {
        """
        UPDATE agent.notes AS note
        SET approved_by = \(caller), approved_at = now(), version = version + 1, updated_at = now()
        WHERE note.id = \(id)
        RETURNING \(columns)
        """
    }

    static func delete(_ id: NoteID) -> SQL { "DELETE FROM agent.notes WHERE id = \(id)" }
}
