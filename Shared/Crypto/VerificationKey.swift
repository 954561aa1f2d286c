public import Kernel

/// A key that verifies tokens of one algorithm.
public struct VerificationKey: Sendable {
    private enum Material: Sendable {
        case secret(Secret<[UInt8]>)
        case publicKey(PublicKeyHandle)
    }

    /// The id by which tokens name it; a key without one is tried for every token of its algorithm.
    public let id: String?
    /// The one algorithm it is for.
    public let algorithm: JWTAlgorithm
    private let material: Material

    private init(id: String?, algorithm: JWTAlgorithm, _ material: Material) {
        self.id = id
        self.algorithm = algorithm
        self.material = material
    }

    /// A shared secret for HS256, of at least 32 bytes (RFC 7518 §3.2).
    ///
    /// - Throws: `.invalidKey` for a shorter one, and for text in PEM: a public key is no secret.
    public static func secret(_ secret: Secret<[UInt8]>, id: String? = nil) throws(JWTError) -> VerificationKey {
        let bytes = secret.reveal()
        guard bytes.count >= 32, !bytes.starts(with: "-----BEGIN".utf8) else { throw .invalidKey }
        return VerificationKey(id: id, algorithm: .hs256, .secret(secret))
    }

    /// A public key in PEM. Its kind says the algorithm: RSA (2048 bits at least) RS256, P-256 ES256, Ed25519 EdDSA.
    public static func publicKey(pem: String, id: String? = nil) throws(JWTError) -> VerificationKey {
        try VerificationKey(PublicKeyHandle.publicKey(pem: pem), id: id)
    }

    init(_ handle: PublicKeyHandle?, id: String?) throws(JWTError) {
        guard let handle else { throw .invalidKey }
        let algorithm: JWTAlgorithm
        switch handle.kind {
        case .rsa(let bits):
            // Larger keys than this only serve to keep the verifier busy.
            guard (2048...8192).contains(bits) else { throw .invalidKey }
            algorithm = .rs256
        case .p256: algorithm = .es256
        case .ed25519: algorithm = .edDSA
        }
        self.init(id: id, algorithm: algorithm, .publicKey(handle))
    }

    /// Whether `signature`, in the form tokens have it, is this key's over `message`.
    func verifies(_ signature: [UInt8], of message: [UInt8]) -> Bool {
        switch material {
        case .secret(let secret):
            return HMAC.isValid(signature, key: secret.reveal(), message: message)
        case .publicKey(let handle):
            guard algorithm == .es256 else { return handle.verifies(signature, of: message) }
            guard let der = ECDSASignature.der(fromRaw: signature) else { return false }
            return handle.verifies(der, of: message)
        }
    }
}
