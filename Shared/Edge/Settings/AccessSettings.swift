import Crypto
public import Kernel
import Settings
import Store

/// The settings of who may call, and how often.
public struct AccessSettings: Sendable {
    /// The token that may do everything, in development.
    public let developmentToken: Secret<String>?
    /// Checks JSON Web Tokens, when a key is configured.
    public let tokens: TokenVerifier?
    /// Calls a second of each caller; 0 for no limit.
    public let rate: Int
    /// Calls at once on top of the rate.
    public let burst: Int
    /// The secret that callbacks and calls between services are signed with.
    public let signingSecret: Secret<String>

    init(_ reader: inout SettingsReader, inProduction: Bool) {
        let token = reader.optionalSecret(
            "MARTLET_DEV_TOKEN",
            "token with every scope; development only, dev-token by default"
        )
        if inProduction, token != nil { reader.refuse("MARTLET_DEV_TOKEN must not be set in production") }
        developmentToken = inProduction ? nil : token ?? Secret("dev-token")
        tokens = AccessSettings.tokens(&reader)
        rate = reader.int(
            "RATE_LIMIT_PER_SECOND",
            "calls a second of each caller; 0 for no limit",
            default: 0,
            in: 0...1_000_000
        )
        burst = reader.int("RATE_LIMIT_BURST", "calls at once on top of the rate", default: 100, in: 1...1_000_000)
        signingSecret = reader.secret(
            "CALLBACK_SECRET",
            "what callbacks are signed with, the same in all services",
            default: inProduction ? nil : "development-callback-secret"
        )
    }

    private static func tokens(_ reader: inout SettingsReader) -> TokenVerifier? {
        let secret = reader.optionalSecret("JWT_SECRET", "key of HS256 tokens, at least 32 bytes")
        let pem = reader.optionalString("JWT_PUBLIC_KEY", "key of RS256, ES256 or EdDSA tokens, in PEM")
        let jwks = reader.optionalString("JWT_JWKS", "keys of tokens, as a JWKS document; best from a file")
        let issuer = reader.optionalString("JWT_ISSUER", "the iss that tokens must have")
        let audience = reader.optionalString("JWT_AUDIENCE", "the aud that tokens must have")
        var keys: [VerificationKey] = []
        do {
            if let secret { keys.append(try .secret(Secret(Array(secret.reveal().utf8)))) }
            if let pem { keys.append(try .publicKey(pem: pem)) }
            if let jwks { keys += try KeySet(jwks: Array(jwks.utf8)).keys }
        } catch {
            reader.refuse("JWT_SECRET, JWT_PUBLIC_KEY or JWT_JWKS cannot be used: \(error)")
        }
        guard !keys.isEmpty else { return nil }
        if issuer == nil || audience == nil {
            reader.refuse("JWT_ISSUER and JWT_AUDIENCE must be set where tokens are accepted")
        }
        let set = KeySet(keys)
        let expected = JWT.Expectations(issuer: issuer, audience: audience)
        return { token, now in
            do {
                return try Principal(JWT.verify(token, by: set, as: expected, clock: WallClock { now }))
            } catch let error as JWTError {
                throw Authenticator.refused("the token is refused: \(error)")
            }
        }
    }
}
