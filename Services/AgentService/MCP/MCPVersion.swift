/// The revisions of the Model Context Protocol that are spoken here, of two eras on one endpoint: in the *modern* one
/// each request says all there is to know of it, in the *legacy* one a handshake opens a session.
enum MCPVersion {
    static let modern = "2026-07-28"
    /// Newest first.
    static let legacy = ["2025-11-25", "2025-06-18", "2025-03-26"]
    static let all = [modern] + legacy
    /// What a legacy client means that does not say.
    static let unsaid = "2025-03-26"
    /// What the names of the protocol's own metadata begin with.
    static let prefix = "io.modelcontextprotocol/"
}
