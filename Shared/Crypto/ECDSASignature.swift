/// The two forms of an ECDSA signature on P-256: `r ‖ s`, 32 bytes each, in tokens (RFC 7518 §3.4), and
/// `SEQUENCE { INTEGER r, INTEGER s }` in OpenSSL.
enum ECDSASignature {
    static func der(fromRaw raw: [UInt8]) -> [UInt8]? {
        guard raw.count == 64 else { return nil }
        let body = integer(raw[..<32]) + integer(raw[32...])
        // At most 2 × (2 + 33) bytes: the length fits in one.
        return [0x30, UInt8(body.count)] + body
    }

    /// Shortest form; a leading zero keeps a number with its top bit set from being negative.
    private static func integer(_ bytes: ArraySlice<UInt8>) -> [UInt8] {
        var digits = Array(bytes.drop { $0 == 0 })
        if digits.isEmpty || digits[0] >= 0x80 { digits.insert(0, at: 0) }
        return [0x02, UInt8(digits.count)] + digits
    }
}
