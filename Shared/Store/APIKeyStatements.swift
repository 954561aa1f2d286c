import Contracts
import Kernel
import Postgres

/// Statements over `shared.api_keys`.
enum APIKeyStatements {
    static func create(
        _ id: APIKeyID,
        name: String,
        tokenHash: [UInt8],
        scopes: [String],
        project: ProjectID?,
        lifetime: Duration?
    ) -> SQL {
        """
        INSERT INTO shared.api_keys (id, name, token_hash, scopes, project_id, expires_at)
        VALUES (\(id), \(name), \(tokenHash), \(scopes), \(project), now() + \(lifetime))
        RETURNING id, name, scopes, project_id, created_at, expires_at, revoked_at
        """
    }

    static func live(tokenHash: [UInt8]) -> SQL {
        """
        SELECT id, name, scopes, project_id, created_at, expires_at, revoked_at
        FROM shared.api_keys
        WHERE token_hash = \(tokenHash) AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > now())
        """
    }

    static func list(after id: APIKeyID?, limit: Int) -> SQL {
        """
        SELECT id, name, scopes, project_id, created_at, expires_at, revoked_at
        FROM shared.api_keys
        WHERE \(id)::uuid IS NULL OR id > \(id)
        ORDER BY id
        LIMIT \(limit)
        """
    }

    /// Those of some keys that are not live.
    static func ended(_ ids: [APIKeyID]) -> SQL {
        """
        SELECT asked.id FROM unnest(\(ids)) AS asked (id)
        WHERE NOT EXISTS (
            SELECT FROM shared.api_keys AS key
            WHERE key.id = asked.id AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > now())
        )
        """
    }

    /// One row when the key was live until now.
    static func revoke(_ id: APIKeyID) -> SQL {
        "UPDATE shared.api_keys SET revoked_at = now() WHERE id = \(id) AND revoked_at IS NULL"
    }
}
