/// Why a cryptographic operation was not done.
public enum CryptoError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The key has the wrong length or is not a key of the wanted kind.
    case invalidKey
    /// The sealed value was changed, or sealed with another key or other associated data.
    case notAuthentic
    /// OpenSSL refused; it should not.
    case operationFailed(String)

    /// What went wrong, without any value.
    public var description: String {
        switch self {
        case .invalidKey: "the key is not fit for this"
        case .notAuthentic: "the sealed value is not authentic"
        case .operationFailed(let operation): "crypto: \(operation) failed"
        }
    }
}
