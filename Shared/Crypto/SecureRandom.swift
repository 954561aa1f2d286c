internal import COpenSSL

/// Random bytes for keys, nonces and tokens.
public enum SecureRandom {
    /// `count` bytes from OpenSSL's generator, which the kernel seeds. Ends the process if there is no randomness:
    /// to go on with guessable keys would be worse.
    public static func bytes(_ count: Int) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count)
        // The buffer has exactly `count` bytes.
        let status = unsafe bytes.withUnsafeMutableBufferPointer { unsafe RAND_bytes($0.baseAddress, Int32(count)) }
        precondition(count == 0 || status == 1, "the system has no randomness")
        return bytes
    }
}
