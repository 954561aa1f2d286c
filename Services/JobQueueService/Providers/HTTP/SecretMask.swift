import Kernel

/// Takes an outside service's secrets out of what it says: one that repeats the key it was given, as refusals do, must
/// not bring it into a job's row, its events and its callbacks.
struct SecretMask: Sendable {
    /// Shorter values are too likely to stand in an answer for another reason, such as the name of a member.
    static let leastBytes = 8

    private let secrets: Secret<[[UInt8]]>

    init(_ values: [String]) {
        let long = values.map { Array($0.utf8) }.filter { $0.count >= SecretMask.leastBytes }
        // The longest first: one may contain another.
        secrets = Secret(long.sorted { $0.count > $1.count })
    }

    /// The same bytes with dots in place of each secret.
    func applied(to bytes: [UInt8]) -> [UInt8] {
        secrets.reveal()
            .reduce(bytes) { bytes, secret in
                bytes.contains(secret) ? bytes.replacing(secret, with: Array("•••".utf8)) : bytes
            }
    }
}
