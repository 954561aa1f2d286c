import FoundationEssentials
import JSON
public import Kernel

/// JSON Web Tokens in compact form (RFC 7515, 7519), judged as RFC 8725 advises.
///
/// ```swift
/// let claims = try JWT.verify(token, by: keys, as: .init(issuer: "https://id.example.org", audience: "martlet"))
/// ```
public enum JWT {
    /// What a token must say to be accepted.
    public struct Expectations: Sendable {
        /// The `iss` it must have; `nil`: any.
        public var issuer: String?
        /// What its `aud` must contain; `nil`: anything.
        public var audience: String?
        /// By how much clocks may differ.
        public var leeway: Duration
        /// Whether it must have an end.
        public var requiresExpiry: Bool
        /// The longest token that is looked at, in bytes.
        public var maximumLength: Int

        /// What is expected of a token.
        public init(
            issuer: String? = nil,
            audience: String? = nil,
            leeway: Duration = .seconds(30),
            requiresExpiry: Bool = true,
            maximumLength: Int = 8192
        ) {
            self.issuer = issuer
            self.audience = audience
            self.leeway = leeway
            self.requiresExpiry = requiresExpiry
            self.maximumLength = maximumLength
        }
    }

    private struct Header: Codable {
        let alg: String
        var kid: String?
        var typ: String?
        var crit: [String]?
    }

    /// Verifies a token's signature and then its claims, which it returns.
    public static func verify(
        _ token: String,
        by keys: KeySet,
        as expected: Expectations,
        clock: WallClock = .system
    ) throws(JWTError) -> JWTClaims {
        guard token.utf8.count <= expected.maximumLength else { throw .tooLarge }
        let parts = token.split(separator: ".", maxSplits: 3, omittingEmptySubsequences: false)
        guard parts.count == 3, let headerBytes = Base64URL.decode(parts[0]), let payload = Base64URL.decode(parts[1]),
            let signature = Base64URL.decode(parts[2])
        else { throw .malformed }
        let header: Header = try decode(headerBytes)
        guard let algorithm = JWTAlgorithm(rawValue: header.alg) else { throw .unsupportedAlgorithm }
        guard header.crit == nil else { throw .unsupportedHeader }
        let message = Array(token.utf8.prefix(parts[0].utf8.count + 1 + parts[1].utf8.count))
        let candidates = try keys.candidates(id: header.kid, algorithm: algorithm)
        guard candidates.contains(where: { $0.verifies(signature, of: message) }) else { throw .badSignature }
        // Only what is signed is read.
        let claims: JWTClaims = try decode(payload)
        try judge(claims, as: expected, now: clock.now())
        return claims
    }

    /// Makes a token.
    public static func sign(_ claims: JWTClaims, with key: SigningKey) throws(JWTError) -> String {
        let header = Header(alg: key.algorithm.rawValue, kid: key.id, typ: "JWT", crit: nil)
        let message = Base64URL.encode(try encode(header)) + "." + Base64URL.encode(try encode(claims))
        return message + "." + Base64URL.encode(try key.sign(Array(message.utf8)))
    }

    private static func judge(_ claims: JWTClaims, as expected: Expectations, now: Timestamp) throws(JWTError) {
        if let end = claims.expiresAt {
            // RFC 7519 §4.1.4: not accepted on or after the time.
            guard now < end + expected.leeway else { throw .expired }
        } else if expected.requiresExpiry {
            throw .missingClaim("exp")
        }
        if let start = claims.notBefore, now + expected.leeway < start { throw .notYetValid }
        if let issuer = expected.issuer {
            guard let claimed = claims.issuer else { throw .missingClaim("iss") }
            guard claimed == issuer else { throw .wrongIssuer }
        }
        if let audience = expected.audience {
            guard !claims.audience.isEmpty else { throw .missingClaim("aud") }
            guard claims.audience.contains(audience) else { throw .wrongAudience }
        }
    }

    private static func decode<Value: Decodable>(_ bytes: [UInt8]) throws(JWTError) -> Value {
        let value: Value
        do {
            // Foundation's decoder traps on some texts that are not JSON, and a header is anybody's.
            _ = try JSONDocument(parsing: bytes)
            value = try JSONDecoder().decode(Value.self, from: Data(bytes))
        } catch {
            throw .malformed
        }
        guard !JSONMembers.repeats(in: bytes) else { throw .malformed }
        return value
    }

    private static func encode(_ value: some Encodable) throws(JWTError) -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        do {
            return Array(try encoder.encode(value))
        } catch {
            throw .malformed
        }
    }
}
