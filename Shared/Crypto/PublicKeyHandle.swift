internal import COpenSSL

/// One `EVP_PKEY`: an RSA, P-256 or Ed25519 key, public or private. Immutable once made, so shared freely.
@safe
final class PublicKeyHandle: @unchecked Sendable {
    // Sendable: the key is never changed after init, and OpenSSL keeps its reference count and caches under locks
    // ("Objects may be shared between threads if they are not modified", openssl-threads(7)).
    private let raw: OpaquePointer

    enum Kind {
        case rsa(bits: Int)
        case p256
        case ed25519
    }

    let kind: Kind

    private init?(adopting raw: OpaquePointer?) {
        guard let raw = unsafe raw else { return nil }
        let kind: Kind? =
            switch unsafe EVP_PKEY_get_base_id(raw) {
            case EVP_PKEY_RSA: .rsa(bits: Int(unsafe EVP_PKEY_get_bits(raw)))
            case EVP_PKEY_EC: unsafe Self.isP256(raw) ? .p256 : nil
            case EVP_PKEY_ED25519: .ed25519
            default: nil
            }
        guard let kind else {
            unsafe EVP_PKEY_free(raw)
            return nil
        }
        unsafe self.raw = raw
        self.kind = kind
    }

    deinit { unsafe EVP_PKEY_free(raw) }

    private static func isP256(_ key: OpaquePointer) -> Bool {
        var name = [CChar](repeating: 0, count: 32)
        // The buffer has the size that is announced.
        guard unsafe EVP_PKEY_get_group_name(key, &name, name.count, nil) == 1 else { return false }
        return String(decoding: name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self) == "prime256v1"
    }

    /// A public key in PEM (`BEGIN PUBLIC KEY`).
    static func publicKey(pem: String) -> PublicKeyHandle? {
        unsafe reading(pem) { unsafe PEM_read_bio_PUBKEY($0, nil, { _, _, _, _ in 0 }, nil) }
    }

    /// A private key in PEM (`BEGIN PRIVATE KEY`), without a password.
    static func privateKey(pem: String) -> PublicKeyHandle? {
        unsafe reading(pem) { unsafe PEM_read_bio_PrivateKey($0, nil, { _, _, _, _ in 0 }, nil) }
    }

    private static func reading(_ pem: String, _ read: (OpaquePointer) -> OpaquePointer?) -> PublicKeyHandle? {
        let bytes = Array(pem.utf8)
        // The bytes outlive the BIO, which only reads them.
        return unsafe bytes.withUnsafeBytes { bytes in
            guard let bio = unsafe BIO_new_mem_buf(bytes.baseAddress, Int32(bytes.count)) else { return nil }
            defer {
                unsafe BIO_free(bio)
                ERR_clear_error()
            }
            return unsafe PublicKeyHandle(adopting: read(bio))
        }
    }

    /// An Ed25519 public key of 32 bytes.
    static func ed25519(_ bytes: [UInt8]) -> PublicKeyHandle? {
        // The length is given; the bytes are copied.
        unsafe PublicKeyHandle(adopting: EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nil, bytes, bytes.count))
    }

    /// A P-256 public key from its coordinates; a point that is not on the curve is refused.
    static func p256(x: [UInt8], y: [UInt8]) -> PublicKeyHandle? {
        guard x.count == 32, y.count == 32 else { return nil }
        defer { ERR_clear_error() }
        // The point has the 65 bytes that are read during the call.
        return unsafe PublicKeyHandle(adopting: martlet_p256_key([4] + x + y))
    }

    /// An RSA public key from modulus and exponent, big endian.
    static func rsa(modulus: [UInt8], exponent: [UInt8]) -> PublicKeyHandle? {
        defer { ERR_clear_error() }
        // Both numbers are read during the call; their lengths are given.
        return unsafe PublicKeyHandle(
            adopting: martlet_rsa_key(modulus, Int32(modulus.count), exponent, Int32(exponent.count))
        )
    }

    /// Whether `signature` (DER for P-256) is this key's over `message`.
    func verifies(_ signature: [UInt8], of message: [UInt8]) -> Bool {
        defer { ERR_clear_error() }
        guard let context = unsafe EVP_MD_CTX_new() else { return false }
        defer { unsafe EVP_MD_CTX_free(context) }
        // Lengths are given; everything lives until the call is over.
        return unsafe EVP_DigestVerifyInit(context, nil, digest, nil, raw) == 1
            && EVP_DigestVerify(context, signature, signature.count, message, message.count) == 1
    }

    /// This private key's signature over `message`.
    func sign(_ message: [UInt8]) -> [UInt8]? {
        defer { ERR_clear_error() }
        guard let context = unsafe EVP_MD_CTX_new() else { return nil }
        defer { unsafe EVP_MD_CTX_free(context) }
        var length = 0
        // Asked without a buffer, OpenSSL says how long the signature may be; then it writes at most that.
        guard unsafe EVP_DigestSignInit(context, nil, digest, nil, raw) == 1,
            unsafe EVP_DigestSign(context, nil, &length, message, message.count) == 1
        else { return nil }
        var signature = [UInt8](repeating: 0, count: length)
        guard unsafe EVP_DigestSign(context, &signature, &length, message, message.count) == 1 else { return nil }
        return Array(signature.prefix(length))
    }

    /// Ed25519 hashes by itself; the others sign a SHA-256 digest.
    private var digest: OpaquePointer? {
        if case .ed25519 = kind { nil } else { unsafe EVP_sha256() }
    }
}
