import JSON

/// Finds out which era a server is of.
///
/// ```
///   discover ── names the modern revision ─────────────▶ ready(modern)
///      │  ▲
///      │  │ any other word of a server (an error, a list without it, HTTP 4xx),
///      │  │ or silence where only an answer could be a word
///      ▼  │
///   initialize ── agrees on a revision ────────────────▶ ready(legacy)
///      │
///      └── says no to both, or names others only ──────▶ failed
/// ```
/// An outage is no word: what cannot be reached is `failed` and keeps its era. Each question is asked once.
struct Negotiation: Sendable {
    enum Step: Sendable, Hashable {
        case discover
        case initialize
        case ready(Revision)
        case failed(RemoteError)
    }

    private(set) var step: Step
    private let silenceIsLegacy: Bool
    private var hasDiscovered = false
    private var hasInitialized = false

    /// A negotiation that begins with what the server was `last`.
    init(last: Revision?, silenceIsLegacy: Bool) {
        self.silenceIsLegacy = silenceIsLegacy
        if case .legacy = last { step = .initialize } else { step = .discover }
    }

    /// `server/discover` was answered.
    mutating func discovered(_ answer: Result<JSONElement, RemoteError>) {
        hasDiscovered = true
        switch answer {
        case .success(let result):
            let versions = result["supportedVersions"]?.elements.compactMap(\.string) ?? []
            step = versions.contains(Revision.modernText) ? .ready(.modern) : older(versions, .incompatible(versions))
        case .failure(let error):
            switch error {
            case .answered(-32022, _, let supported): step = older(supported, .incompatible(supported))
            // Only a modern server says so, and it will not have us.
            case .answered(-32020, _, _), .answered(-32021, _, _): step = .failed(error)
            case .answered, .violation, .sessionEnded: step = older([], error)
            case .refused(let status): step = Negotiation.isWord(status) ? older([], error) : .failed(error)
            case .timedOut where silenceIsLegacy: step = older([], error)
            default: step = .failed(error)
            }
        }
    }

    /// `initialize` was answered.
    mutating func initialized(_ answer: Result<JSONElement, RemoteError>) {
        hasInitialized = true
        switch answer {
        case .success(let result):
            let version = result["protocolVersion"]?.string ?? ""
            let isSpoken = Revision.legacyTexts.contains(version)
            step = isSpoken ? .ready(.legacy(version)) : .failed(.incompatible([version]))
        case .failure(let error):
            switch error {
            case .answered where !hasDiscovered: step = .discover
            case .refused(let status) where !hasDiscovered && Negotiation.isWord(status): step = .discover
            default: step = .failed(error)
            }
        }
    }

    /// Tries the handshake, unless it was tried or no revision with a handshake is among the `versions` named.
    private func older(_ versions: [String], _ error: RemoteError) -> Step {
        let isPossible = versions.isEmpty || versions.contains { Revision.legacyTexts.contains($0) }
        return isPossible && !hasInitialized ? .initialize : .failed(error)
    }

    /// Whether a status says that the request is not understood, rather than that something is out of order.
    private static func isWord(_ status: Int) -> Bool { [400, 404, 405, 406, 410, 415, 422].contains(status) }
}
