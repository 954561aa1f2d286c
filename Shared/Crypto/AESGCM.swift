/// Authenticated encryption with AES-256 in Galois/counter mode.
///
/// A sealed value is `nonce (12 bytes) ‖ ciphertext ‖ tag (16 bytes)`. The nonce is random: do not seal more than
/// 2³² values with one key.
public enum AESGCM {
    static let nonceLength = 12
    static let tagLength = 16

    /// Seals `plaintext`. `associatedData` is not stored, but must be given again to open: bind the value to the row
    /// it belongs to.
    public static func seal(
        _ plaintext: [UInt8],
        key: [UInt8],
        associatedData: [UInt8] = []
    ) throws(CryptoError) -> [UInt8] {
        try seal(plaintext, key: key, nonce: SecureRandom.bytes(nonceLength), associatedData: associatedData)
    }

    /// With a given nonce, for test vectors only: a nonce that repeats gives the key away.
    static func seal(
        _ plaintext: [UInt8],
        key: [UInt8],
        nonce: [UInt8],
        associatedData: [UInt8]
    ) throws(CryptoError) -> [UInt8] {
        let cipher = try CipherHandle.start(.seal, key: key, nonce: nonce)
        try cipher.authenticate(associatedData)
        let ciphertext = try cipher.update(plaintext)
        try cipher.finishSealing()
        return nonce + ciphertext + (try cipher.tag())
    }

    /// Opens a sealed value.
    ///
    /// - Throws: `.notAuthentic` when anything does not match; nothing of the plaintext is given out then.
    public static func open(
        _ sealed: [UInt8],
        key: [UInt8],
        associatedData: [UInt8] = []
    ) throws(CryptoError) -> [UInt8] {
        guard sealed.count >= nonceLength + tagLength else { throw .notAuthentic }
        let cipher = try CipherHandle.start(.open, key: key, nonce: Array(sealed.prefix(nonceLength)))
        try cipher.authenticate(associatedData)
        let plaintext = try cipher.update(Array(sealed.dropFirst(nonceLength).dropLast(tagLength)))
        try cipher.finishOpening(tag: Array(sealed.suffix(tagLength)))
        return plaintext
    }
}
