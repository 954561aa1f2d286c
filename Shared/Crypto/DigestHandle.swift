internal import COpenSSL

/// One `EVP_MD_CTX`.
@safe
struct DigestHandle: ~Copyable {
    private let raw: OpaquePointer

    init() {
        guard let raw = unsafe EVP_MD_CTX_new() else { fatalError("out of memory") }
        unsafe self.raw = raw
        let status = unsafe EVP_DigestInit_ex(raw, EVP_sha256(), nil)
        precondition(status == 1, "OpenSSL has no SHA-256")
    }

    deinit { unsafe EVP_MD_CTX_free(raw) }

    /// Takes in more bytes.
    mutating func update(_ bytes: some Collection<UInt8>) {
        // Contiguous bytes are read in place during the call; others are copied first.
        let read: Void? = bytes.withContiguousStorageIfAvailable { buffer in
            _ = unsafe EVP_DigestUpdate(raw, buffer.baseAddress, buffer.count)
        }
        if read == nil {
            unsafe Array(bytes).withUnsafeBytes { _ = unsafe EVP_DigestUpdate(raw, $0.baseAddress, $0.count) }
        }
    }

    /// The digest of everything taken in.
    consuming func finish() -> [UInt8] {
        var digest = [UInt8](repeating: 0, count: 32)
        // SHA-256 writes exactly 32 bytes.
        _ = unsafe digest.withUnsafeMutableBufferPointer { unsafe EVP_DigestFinal_ex(raw, $0.baseAddress, nil) }
        return digest
    }
}
