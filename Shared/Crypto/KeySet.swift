import FoundationEssentials
import JSON
import Kernel

/// The keys against which tokens are verified.
public struct KeySet: Sendable {
    /// The keys.
    public let keys: [VerificationKey]

    /// A set of configured keys.
    public init(_ keys: [VerificationKey]) { self.keys = keys }

    /// Reads a JWKS document (RFC 7517). Keys of unknown kinds, and those not for signatures, are skipped, as the RFC
    /// asks; symmetric ones too, for a published document is no place for a secret.
    ///
    /// - Throws: `.invalidKeySet` when it is not a JWKS document, or no key in it is usable.
    public init(jwks: [UInt8]) throws(JWTError) {
        guard jwks.count <= 1 << 20 else { throw .invalidKeySet }
        let document: Document
        do {
            // Foundation's decoder traps on some texts that are not JSON.
            _ = try JSONDocument(parsing: jwks)
            document = try JSONDecoder().decode(Document.self, from: Data(jwks))
        } catch {
            throw .invalidKeySet
        }
        guard !JSONMembers.repeats(in: jwks) else { throw .invalidKeySet }
        keys = document.keys.compactMap(\.key)
        if keys.isEmpty { throw .invalidKeySet }
    }

    private struct Document: Decodable {
        let keys: [Entry]
    }

    private struct Entry: Decodable {
        let kty: String
        let kid: String?
        let use: String?
        let alg: String?
        let crv: String?
        let n: String?
        let e: String?
        let x: String?
        let y: String?

        /// The key, if it is one that we use.
        var key: VerificationKey? {
            guard use == nil || use == "sig", let handle else { return nil }
            do throws(JWTError) {
                let key = try VerificationKey(handle, id: kid)
                return alg == nil || alg == key.algorithm.rawValue ? key : nil
            } catch {
                // Too short, for example: skipped like an unknown kind.
                return nil
            }
        }

        private var handle: PublicKeyHandle? {
            switch (kty, crv) {
            case ("RSA", _):
                guard let n = bytes(n), let e = bytes(e) else { return nil }
                return .rsa(modulus: n, exponent: e)
            case ("EC", "P-256"):
                guard let x = bytes(x), let y = bytes(y) else { return nil }
                return .p256(x: x, y: y)
            case ("OKP", "Ed25519"):
                guard let x = bytes(x), x.count == 32 else { return nil }
                return .ed25519(x)
            default:
                return nil
            }
        }

        private func bytes(_ text: String?) -> [UInt8]? {
            guard let bytes = text.flatMap({ Base64URL.decode($0) }), (1...1024).contains(bytes.count) else {
                return nil
            }
            return bytes
        }
    }

    /// The keys that a token with this header may be signed by. The key decides the algorithm, never the token.
    func candidates(id: String?, algorithm: JWTAlgorithm) throws(JWTError) -> [VerificationKey] {
        let named = keys.filter { $0.id == nil || id == nil || $0.id == id }
        guard !named.isEmpty else { throw .unknownKey }
        let fitting = named.filter { $0.algorithm == algorithm }
        guard !fitting.isEmpty else { throw .algorithmMismatch }
        return fitting
    }
}
