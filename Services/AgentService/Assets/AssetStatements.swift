import Contracts
import Kernel
import Postgres

/// Statements over `agent.assets` and `agent.approvals`. The asset's row is the lock of its approvals.
enum AssetStatements {
    private static let withApproval: SQL = """
        agent.assets AS asset
        LEFT JOIN agent.approvals AS approval ON approval.asset_id = asset.id AND approval.revoked_at IS NULL
        """

    static func find(_ id: AssetID, limit: ProjectID?) -> SQL {
        """
        SELECT \(Asset.columns)
        FROM \(withApproval)
        WHERE asset.id = \(id) AND (\(limit)::uuid IS NULL OR asset.project_id = \(limit))
        """
    }

    /// Locks an asset's row. To be read by a statement of its own after it, which sees the approval that was waited for.
    static func lock(_ id: AssetID) -> SQL { "SELECT FROM agent.assets WHERE id = \(id) FOR NO KEY UPDATE" }

    static func list(_ filter: AssetFilter, before: UUID?, limit: Int) -> SQL {
        """
        SELECT \(Asset.columns)
        FROM \(withApproval)
        WHERE \(filter.condition) AND (\(before)::uuid IS NULL OR asset.id < \(before))
        ORDER BY asset.id DESC
        LIMIT \(limit)
        """
    }

    /// Stores a job's file once; no row comes back when the job has its asset already.
    static func insert(
        _ id: AssetID,
        project: ProjectID,
        card: CardID,
        job: JobID,
        url: String,
        facts: AssetFacts
    ) -> SQL {
        """
        INSERT INTO agent.assets (id, project_id, card_id, job_id, url, sha256, bytes, media_type)
        VALUES (
            \(id), \(project), \(card), \(job), \(url), \(facts.sha256), \(facts.bytes), \(facts.mediaType)
        )
        ON CONFLICT (job_id) DO NOTHING
        RETURNING id
        """
    }

    /// Approves a locked asset that is not approved.
    static func approve(_ asset: AssetID, id: UUID, note: String?, by caller: String, trace: String?) -> SQL {
        """
        WITH approval AS (
            INSERT INTO agent.approvals (id, asset_id, project_id, note, approved_by)
            SELECT \(id), id, project_id, \(note), \(caller) FROM agent.assets WHERE id = \(asset)
        ), changed AS (
            UPDATE agent.assets SET seq = seq + 1 WHERE id = \(asset)
            RETURNING id, project_id, card_id, job_id, seq
        )
        \(ChangeStatements.assets(in: "changed", .assetApproved, by: caller, trace: trace))
        """
    }

    /// Takes back the approval of a locked asset.
    static func revoke(_ asset: AssetID, by caller: String, trace: String?) -> SQL {
        """
        WITH revoked AS (
            UPDATE agent.approvals SET revoked_by = \(caller), revoked_at = now()
            WHERE asset_id = \(asset) AND revoked_at IS NULL
            RETURNING asset_id
        ), changed AS (
            UPDATE agent.assets SET seq = seq + 1 WHERE id IN (SELECT asset_id FROM revoked)
            RETURNING id, project_id, card_id, job_id, seq
        )
        \(ChangeStatements.assets(in: "changed", .assetRevoked, by: caller, trace: trace))
        """
    }
}
