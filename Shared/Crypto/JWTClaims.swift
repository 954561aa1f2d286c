public import Kernel

/// What a token says (RFC 7519), as far as services look at it.
public struct JWTClaims: Sendable, Hashable {
    /// `iss`: who issued it.
    public var issuer: String?
    /// `sub`: whom it is about.
    public var subject: String?
    /// `aud`: for whom it is meant.
    public var audience: [String]
    /// `exp`: when it ends.
    public var expiresAt: Timestamp?
    /// `nbf`: when it begins.
    public var notBefore: Timestamp?
    /// `iat`: when it was issued.
    public var issuedAt: Timestamp?
    /// `jti`: its own id.
    public var id: String?
    /// `scope` (RFC 8693): what it allows; separated by spaces in the token.
    public var scopes: [String]
    /// `project_id`, our own claim: the only project it is for.
    public var project: String?
    /// `contexts`, our own claim: what may be watched, as a list of patterns; `nil` when the token does not say.
    public var contexts: [String]?

    /// Claims; absent ones are not written.
    public init(
        issuer: String? = nil,
        subject: String? = nil,
        audience: [String] = [],
        expiresAt: Timestamp? = nil,
        notBefore: Timestamp? = nil,
        issuedAt: Timestamp? = nil,
        id: String? = nil,
        scopes: [String] = [],
        project: String? = nil,
        contexts: [String]? = nil
    ) {
        self.issuer = issuer
        self.subject = subject
        self.audience = audience
        self.expiresAt = expiresAt
        self.notBefore = notBefore
        self.issuedAt = issuedAt
        self.id = id
        self.scopes = scopes
        self.project = project
        self.contexts = contexts
    }
}

extension JWTClaims: Codable {
    private enum Key: String, CodingKey {
        case iss, sub, aud, exp, nbf, iat, jti, scope, contexts
        case project = "project_id"
    }

    /// Reads the claims' JSON.
    public init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: Key.self)
        func time(_ key: Key) throws -> Timestamp? {
            guard let seconds = try values.decodeIfPresent(Double.self, forKey: key) else { return nil }
            // Up to the year 9999: what lies beyond would overflow, and means nothing.
            guard (0...253_402_300_799).contains(seconds) else {
                throw DecodingError.dataCorruptedError(forKey: key, in: values, debugDescription: "no such time")
            }
            return Timestamp(microseconds: Int64(seconds * 1_000_000))
        }
        func audience() throws -> [String] {
            guard values.contains(.aud) else { return [] }
            do {
                return [try values.decode(String.self, forKey: .aud)]
            } catch DecodingError.typeMismatch {
                return try values.decode([String].self, forKey: .aud)
            }
        }
        self.init(
            issuer: try values.decodeIfPresent(String.self, forKey: .iss),
            subject: try values.decodeIfPresent(String.self, forKey: .sub),
            audience: try audience(),
            expiresAt: try time(.exp),
            notBefore: try time(.nbf),
            issuedAt: try time(.iat),
            id: try values.decodeIfPresent(String.self, forKey: .jti),
            scopes: try values.decodeIfPresent(String.self, forKey: .scope)?.split(separator: " ").map(String.init)
                ?? [],
            project: try values.decodeIfPresent(String.self, forKey: .project),
            contexts: try values.decodeIfPresent([String].self, forKey: .contexts)
        )
    }

    /// Writes the claims as JSON, times in whole seconds.
    public func encode(to encoder: any Encoder) throws {
        var values = encoder.container(keyedBy: Key.self)
        try values.encodeIfPresent(issuer, forKey: .iss)
        try values.encodeIfPresent(subject, forKey: .sub)
        if audience.count == 1 {
            try values.encode(audience[0], forKey: .aud)
        } else if !audience.isEmpty {
            try values.encode(audience, forKey: .aud)
        }
        try values.encodeIfPresent(expiresAt?.seconds, forKey: .exp)
        try values.encodeIfPresent(notBefore?.seconds, forKey: .nbf)
        try values.encodeIfPresent(issuedAt?.seconds, forKey: .iat)
        try values.encodeIfPresent(id, forKey: .jti)
        if !scopes.isEmpty { try values.encode(scopes.joined(separator: " "), forKey: .scope) }
        try values.encodeIfPresent(project, forKey: .project)
        try values.encodeIfPresent(contexts, forKey: .contexts)
    }
}
