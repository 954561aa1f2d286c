/// Takes an outside service's secrets out of what it says: one that repeats the key it was given, as refusals do, must
/// not bring it into what we keep or show.
public struct SecretMask: Sendable {
    /// Shorter values are too likely to stand in an answer for another reason, such as the name of a member.
    public static let leastBytes = 8

    private let secrets: Secret<[[UInt8]]>

    /// A mask of some values.
    public init(_ values: [String]) {
        let long = values.map { Array($0.utf8) }.filter { $0.count >= SecretMask.leastBytes }
        // The longest first: one may contain another.
        secrets = Secret(long.sorted { $0.count > $1.count })
    }

    /// The same bytes with dots in place of each secret.
    public func applied(to bytes: [UInt8]) -> [UInt8] {
        secrets.reveal()
            .reduce(bytes) { bytes, secret in
                bytes.contains(secret) ? bytes.replacing(secret, with: Array("•••".utf8)) : bytes
            }
    }

    /// The same text with dots in place of each secret.
    public func applied(to text: String) -> String {
        String(decoding: applied(to: Array(text.utf8)), as: UTF8.self)
    }
}
