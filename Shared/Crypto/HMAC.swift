internal import COpenSSL

/// Message authentication by a shared key.
public enum HMAC {
    /// The 32-byte HMAC-SHA-256 of `message` (RFC 2104).
    public static func sha256(key: [UInt8], message: [UInt8]) -> [UInt8] {
        var code = [UInt8](repeating: 0, count: 32)
        // An empty array has no address, and OpenSSL takes a missing key for "the one before": one byte stands in.
        let keyBytes = key.isEmpty ? [0] : key
        // All three live until the call is over; SHA-256 writes exactly 32 bytes.
        let written = unsafe keyBytes.withUnsafeBytes { keyBytes in
            unsafe message.withUnsafeBufferPointer { message in
                unsafe code.withUnsafeMutableBufferPointer { code in
                    unsafe COpenSSL.HMAC(
                        EVP_sha256(),
                        keyBytes.baseAddress,
                        Int32(key.count),
                        message.baseAddress,
                        message.count,
                        code.baseAddress,
                        nil
                    )
                }
            }
        }
        precondition(unsafe written != nil, "OpenSSL could not compute an HMAC")
        return code
    }

    /// Whether `code` is the HMAC-SHA-256 of `message`; takes the same time wherever it differs.
    public static func isValid(_ code: [UInt8], key: [UInt8], message: [UInt8]) -> Bool {
        ConstantTime.areEqual(code, sha256(key: key, message: message))
    }
}

/// Comparison of secrets.
public enum ConstantTime {
    /// Whether both are the same; takes the same time wherever they differ. The lengths are not secret.
    public static func areEqual(_ left: [UInt8], _ right: [UInt8]) -> Bool {
        guard left.count == right.count else { return false }
        // Both have `left.count` bytes.
        return unsafe left.withUnsafeBytes { left in
            unsafe right.withUnsafeBytes { right in
                unsafe CRYPTO_memcmp(left.baseAddress, right.baseAddress, left.count) == 0
            }
        }
    }
}
