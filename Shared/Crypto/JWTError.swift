/// Why a token or a key was refused. Never quotes either.
public enum JWTError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The token is longer than is accepted.
    case tooLarge
    /// Not three parts of unpadded base64url, or not the JSON that belongs there, or a member twice.
    case malformed
    /// `none`, or an algorithm that is not HS256, RS256, ES256 or EdDSA.
    case unsupportedAlgorithm
    /// The header demands something that is not understood (`crit`).
    case unsupportedHeader
    /// No key has the id that the token names.
    case unknownKey
    /// The token claims another algorithm than its key is for.
    case algorithmMismatch
    /// The signature is not the key's.
    case badSignature
    /// The claim is required and missing.
    case missingClaim(String)
    /// Issued by somebody else.
    case wrongIssuer
    /// Meant for somebody else.
    case wrongAudience
    /// Its time is over.
    case expired
    /// Its time has not come.
    case notYetValid
    /// A key cannot be read, is too short, or is not of a kind that is accepted.
    case invalidKey
    /// The key set is not a JWKS document, or holds no usable key.
    case invalidKeySet

    /// What is wrong.
    public var description: String {
        switch self {
        case .tooLarge: "the token is too large"
        case .malformed: "the token is malformed"
        case .unsupportedAlgorithm: "the token's algorithm is not accepted"
        case .unsupportedHeader: "the token's header demands an unknown extension"
        case .unknownKey: "no key with the token's key id is known"
        case .algorithmMismatch: "the token's algorithm is not its key's"
        case .badSignature: "the token's signature is wrong"
        case .missingClaim(let name): "the token has no claim \(name)"
        case .wrongIssuer: "the token was issued by somebody else"
        case .wrongAudience: "the token is meant for somebody else"
        case .expired: "the token has expired"
        case .notYetValid: "the token is not valid yet"
        case .invalidKey: "the key cannot be used to verify or sign tokens"
        case .invalidKeySet: "the key set is not a JWKS document with a usable key"
        }
    }
}
