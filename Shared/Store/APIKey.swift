public import Contracts
public import JSON
public import Kernel
import Postgres

/// An API key as it may be shown: without its token.
public struct APIKey: Sendable, JSONWritable {
    /// Its id.
    public let id: APIKeyID
    /// What it is for.
    public let name: String
    /// What it may do. Scopes that this version does not know are left out.
    public let scopes: Set<Scope>
    /// The only project it may see.
    public let project: ProjectID?
    /// When it was made.
    public let createdAt: Timestamp
    /// When it ends by itself.
    public let expiresAt: Timestamp?
    /// When it was revoked.
    public let revokedAt: Timestamp?

    init(_ row: Row) throws {
        var reader = row.reader
        id = try reader.next()
        name = try reader.next()
        scopes = Set(try reader.next([String].self).compactMap(Scope.init(rawValue:)))
        project = try reader.next()
        createdAt = try reader.next()
        expiresAt = try reader.next()
        revokedAt = try reader.next()
    }

    /// Writes the key as an object.
    public func write(to json: inout JSONWriter) {
        json.object {
            $0.member("key_id", id)
            $0.member("name", name)
            $0.member("scopes", scopes.map(\.rawValue).sorted())
            $0.member("project_id", project)
            $0.member("created_at", createdAt)
            $0.member("expires_at", expiresAt)
            $0.member("revoked_at", revokedAt)
        }
    }
}
