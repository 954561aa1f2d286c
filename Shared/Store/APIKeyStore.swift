public import Contracts
import Crypto
public import Kernel
public import Postgres

/// Makes, finds and revokes API keys. A token is shown once, when it is made; only its hash is kept.
public struct APIKeyStore: Sendable {
    /// What every token begins with.
    public static let prefix = "mk_"

    private let pool: Pool
    private let random: RandomSource

    /// A store on the service's pool.
    public init(_ pool: Pool, random: RandomSource = .system) {
        self.pool = pool
        self.random = random
    }

    /// Makes a key. The token is returned and cannot be had again.
    public func create(
        name: String,
        scopes: Set<Scope>,
        project: ProjectID?,
        lifetime: Duration?
    ) async throws -> (key: APIKey, token: Secret<String>) {
        let token = APIKeyStore.prefix + Base64URL.encode(random.bytes(32))
        let statement = APIKeyStatements.create(
            IdentifierSource().next(),
            name: name,
            tokenHash: APIKeyStore.hash(token),
            scopes: scopes.map(\.rawValue).sorted(),
            project: project,
            lifetime: lifetime
        )
        guard let row = try await pool.query(statement).first else { throw Missing() }
        return (try APIKey(row), Secret(token))
    }

    /// The live key with a token, if any.
    public func find(token: String) async throws -> APIKey? {
        guard token.hasPrefix(APIKeyStore.prefix), token.utf8.count <= 128 else { return nil }
        return try await pool.query(APIKeyStatements.live(tokenHash: APIKeyStore.hash(token))).first.map(APIKey.init)
    }

    /// Keys in the order they were made.
    public func list(after id: APIKeyID?, limit: Int) async throws -> [APIKey] {
        try await pool.query(APIKeyStatements.list(after: id, limit: limit)).map(APIKey.init)
    }

    /// Ends a key. Returns whether it was live.
    public func revoke(_ id: APIKeyID) async throws -> Bool {
        try await pool.execute(APIKeyStatements.revoke(id)) == 1
    }

    /// Those of some keys that are not live: revoked, expired, or not there any more.
    public func ended(_ ids: [APIKeyID]) async throws -> [APIKeyID] {
        ids.isEmpty ? [] : try await pool.query(APIKeyStatements.ended(ids)).map { try $0.decode(0) }
    }

    static func hash(_ token: String) -> [UInt8] { SHA256.hash(Array(token.utf8)) }

    struct Missing: Error {}
}
