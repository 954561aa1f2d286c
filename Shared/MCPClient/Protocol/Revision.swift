/// A revision of the protocol, by era: in the *modern* one each request says all there is to know of it, in the
/// *legacy* one a handshake comes first.
enum Revision: Sendable, Hashable {
    case modern
    case legacy(String)

    static let modernText = "2026-07-28"
    /// Newest first.
    static let legacyTexts = ["2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05"]
    /// What the names of the protocol's own metadata begin with.
    static let prefix = "io.modelcontextprotocol/"

    /// Its date.
    var text: String {
        switch self {
        case .modern: Revision.modernText
        case .legacy(let text): text
        }
    }

    var isModern: Bool { self == .modern }
}
