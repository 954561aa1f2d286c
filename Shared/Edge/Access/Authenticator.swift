import Concurrency
import Contracts
import Crypto
public import Kernel
public import Store

/// Checks a signed token at a moment and tells whose it is; throws `UNAUTHENTICATED` with the reason.
public typealias TokenVerifier = @Sendable (_ token: String, _ now: Timestamp) throws -> Principal

/// Tells who a token belongs to: an API key, a JWT, or in development the development token.
public final class Authenticator: Sendable {
    private struct Known: Sendable {
        let principal: Principal
        let until: ContinuousClock.Instant
    }

    private let keys: APIKeyStore?
    private let tokens: TokenVerifier?
    private let developmentToken: Secret<String>?
    private let clock: WallClock
    /// Keys seen lately, by the hash of their token: a revoked key works for at most this long.
    private let known = Lock<[String: Known]>([:])
    private let memory: Duration
    private let maximumKnown = 10_000

    /// An authenticator of what is configured.
    public init(
        keys: APIKeyStore?,
        tokens: TokenVerifier?,
        developmentToken: Secret<String>?,
        clock: WallClock = .system,
        memory: Duration = .seconds(10)
    ) {
        self.keys = keys
        self.tokens = tokens
        self.developmentToken = developmentToken
        self.clock = clock
        self.memory = memory
    }

    /// Who the token belongs to.
    ///
    /// - Throws: `ServiceError` with `UNAUTHENTICATED`; the reason a token is refused is told, its content never.
    public func principal(token: Secret<String>) async throws -> Principal {
        let text = token.reveal()
        if let developmentToken, ConstantTime.areEqual(Array(text.utf8), Array(developmentToken.reveal().utf8)) {
            return Principal(name: "dev", scopes: Set(Scope.allCases))
        }
        if text.hasPrefix(APIKeyStore.prefix), let keys { return try await principal(key: text, in: keys) }
        if let tokens, text.utf8.contains(UInt8(ascii: ".")) { return try tokens(text, clock.now()) }
        throw Authenticator.refused("the token is not known")
    }

    /// Forgets keys that were revoked: from now on their tokens are refused.
    public func forget(_ names: Set<String>) {
        known.withLock { $0 = $0.filter { !names.contains($0.value.principal.name) } }
    }

    private func principal(key text: String, in keys: APIKeyStore) async throws -> Principal {
        // Kept by hash, so that a dump of the memory holds no working token.
        let hash = Hex.encode(SHA256.hash(Array(text.utf8)))
        let now = ContinuousClock.now
        if let known = known.withLock({ $0[hash] }), now < known.until { return known.principal }
        guard let key = try await keys.find(token: text) else {
            known.withLock { _ = $0.removeValue(forKey: hash) }
            throw Authenticator.refused("the API key is not known, or has expired, or was revoked")
        }
        let principal = Principal(
            name: "key:\(key.id)",
            scopes: key.scopes,
            project: key.project,
            expiresAt: key.expiresAt
        )
        known.withLock { known in
            if known.count >= maximumKnown { known = known.filter { $0.value.until > now } }
            if known.count < maximumKnown { known[hash] = Known(principal: principal, until: now + memory) }
        }
        return principal
    }

    static func refused(_ reason: String) -> ServiceError { ServiceError(.unauthenticated, reason) }
}
