internal import COpenSSL

/// One `EVP_CIPHER_CTX` for AES-256-GCM.
@safe
struct CipherHandle: ~Copyable {
    enum Direction: Int32 {
        case open = 0
        case seal = 1
    }

    private let raw: OpaquePointer

    private init(adopting raw: OpaquePointer) { unsafe self.raw = raw }

    deinit { unsafe EVP_CIPHER_CTX_free(raw) }

    /// A context that is ready for use; adopted before it is judged, so a failed start is freed too.
    static func start(_ direction: Direction, key: [UInt8], nonce: [UInt8]) throws(CryptoError) -> CipherHandle {
        guard let raw = unsafe EVP_CIPHER_CTX_new() else { throw .operationFailed("making a cipher") }
        let handle = unsafe CipherHandle(adopting: raw)
        guard key.count == 32, nonce.count == AESGCM.nonceLength else { throw .invalidKey }
        // AES-256 reads 32 bytes of key and 12 of nonce, as checked.
        let status = unsafe EVP_CipherInit_ex(raw, EVP_aes_256_gcm(), nil, key, nonce, direction.rawValue)
        guard status == 1 else { throw .operationFailed("starting a cipher") }
        return handle
    }

    /// Takes in bytes that are authenticated but not encrypted.
    func authenticate(_ bytes: [UInt8]) throws(CryptoError) {
        if bytes.isEmpty { return }
        var length: Int32 = 0
        // Without an output the bytes are only authenticated.
        guard unsafe EVP_CipherUpdate(raw, nil, &length, bytes, Int32(bytes.count)) == 1 else {
            throw .operationFailed("authenticating")
        }
    }

    /// Encrypts or decrypts everything at once.
    func update(_ bytes: [UInt8]) throws(CryptoError) -> [UInt8] {
        if bytes.isEmpty { return [] }
        var output = [UInt8](repeating: 0, count: bytes.count)
        var length: Int32 = 0
        // In this mode there are as many bytes out as in.
        guard unsafe EVP_CipherUpdate(raw, &output, &length, bytes, Int32(bytes.count)) == 1,
            Int(length) == bytes.count
        else { throw .operationFailed("ciphering") }
        return output
    }

    func finishSealing() throws(CryptoError) {
        guard finish() else { throw .operationFailed("sealing") }
    }

    func finishOpening(tag: [UInt8]) throws(CryptoError) {
        var tag = tag
        // The tag has the 16 bytes that are announced; it is copied.
        guard unsafe EVP_CIPHER_CTX_ctrl(raw, martlet_set_tag, Int32(tag.count), &tag) == 1, finish() else {
            throw .notAuthentic
        }
    }

    func tag() throws(CryptoError) -> [UInt8] {
        var tag = [UInt8](repeating: 0, count: AESGCM.tagLength)
        // The buffer has the 16 bytes that are asked for.
        guard unsafe EVP_CIPHER_CTX_ctrl(raw, martlet_get_tag, Int32(tag.count), &tag) == 1 else {
            throw .operationFailed("taking the tag")
        }
        return tag
    }

    private func finish() -> Bool {
        // This mode writes nothing at the end, but wants an address to write to.
        var rest = [UInt8](repeating: 0, count: 16)
        var length: Int32 = 0
        return unsafe EVP_CipherFinal_ex(raw, &rest, &length) == 1
    }
}
