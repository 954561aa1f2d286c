import Contracts
import Crypto
import Kernel
public import Postgres
import Store

extension Authenticator {
    /// An authenticator of API keys in the database, and of whatever else is configured.
    public convenience init(_ settings: AccessSettings, pool: Pool) {
        self.init(keys: APIKeyStore(pool), tokens: settings.tokens, developmentToken: settings.developmentToken)
    }
}

extension RateLimiter {
    /// The limiter that is configured.
    public convenience init(_ settings: AccessSettings) { self.init(rate: settings.rate, burst: settings.burst) }
}

extension Principal {
    /// Whom a verified token speaks for. Scopes we do not know grant nothing; `project_id` and `contexts` limit.
    init(_ claims: JWTClaims) throws {
        guard let subject = claims.subject, !subject.isEmpty, subject.utf8.count <= 200 else {
            throw Authenticator.refused("the token names no subject")
        }
        let project = claims.project.map { ProjectID($0) }
        if case .some(nil) = project { throw Authenticator.refused("the token's project_id is no id") }
        // A limit that cannot be read must not become no limit, nor one that is not meant.
        guard claims.contexts?.count ?? 0 <= 100 else { throw Authenticator.refused("the token has over 100 contexts") }
        let contexts = try claims.contexts?
            .map { text in
                guard let pattern = ContextPattern(text) else {
                    throw Authenticator.refused("the token's contexts are not all patterns of contexts")
                }
                return pattern
            }
        self.init(
            name: "user:\(subject)",
            scopes: Set(claims.scopes.compactMap(Scope.init(rawValue:))),
            project: project ?? nil,
            expiresAt: claims.expiresAt,
            contexts: contexts
        )
    }
}
