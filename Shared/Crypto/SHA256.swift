/// SHA-256, at once or piece by piece:
///
/// ```swift
/// var hash = SHA256()
/// while let chunk = try file.read() { hash.update(chunk) }
/// let digest = hash.finish()
/// ```
public struct SHA256: ~Copyable {
    private var handle = DigestHandle()

    /// The hash of nothing so far.
    public init() {}

    /// Takes in more bytes.
    public mutating func update(_ bytes: some Collection<UInt8>) { handle.update(bytes) }

    /// The 32-byte digest of everything taken in.
    public consuming func finish() -> [UInt8] { handle.finish() }

    /// The 32-byte digest of `bytes`.
    public static func hash(_ bytes: some Collection<UInt8>) -> [UInt8] {
        var hash = SHA256()
        hash.update(bytes)
        return hash.finish()
    }
}
