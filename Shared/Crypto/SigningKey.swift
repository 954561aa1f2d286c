public import Kernel

/// A key that signs tokens: a shared secret (HS256) or an Ed25519 private key (EdDSA).
public struct SigningKey: Sendable {
    private enum Material: Sendable {
        case secret(Secret<[UInt8]>)
        case privateKey(PublicKeyHandle)
    }

    /// The id that its tokens name.
    public let id: String?
    /// The algorithm of its tokens.
    public let algorithm: JWTAlgorithm
    private let material: Material

    private init(id: String?, algorithm: JWTAlgorithm, _ material: Material) {
        self.id = id
        self.algorithm = algorithm
        self.material = material
    }

    /// A shared secret for HS256, of at least 32 bytes.
    public static func secret(_ secret: Secret<[UInt8]>, id: String? = nil) throws(JWTError) -> SigningKey {
        guard secret.reveal().count >= 32 else { throw .invalidKey }
        return SigningKey(id: id, algorithm: .hs256, .secret(secret))
    }

    /// An Ed25519 private key in PEM (`BEGIN PRIVATE KEY`).
    public static func ed25519(pem: Secret<String>, id: String? = nil) throws(JWTError) -> SigningKey {
        guard let handle = PublicKeyHandle.privateKey(pem: pem.reveal()), case .ed25519 = handle.kind else {
            throw .invalidKey
        }
        return SigningKey(id: id, algorithm: .edDSA, .privateKey(handle))
    }

    func sign(_ message: [UInt8]) throws(JWTError) -> [UInt8] {
        switch material {
        case .secret(let secret):
            return HMAC.sha256(key: secret.reveal(), message: message)
        case .privateKey(let handle):
            guard let signature = handle.sign(message) else { throw .invalidKey }
            return signature
        }
    }
}
