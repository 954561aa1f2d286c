/// Why a server did not do what it was asked. Safe to print: what the server itself says is only in `answered`.
public enum RemoteError: Error, Sendable, Hashable, CustomStringConvertible {
    /// There is no connection now; the reason is that of the last attempt.
    case away(String)
    /// The connection could not be made, or broke.
    case unreachable(String)
    /// It wants another token, or none of ours: 401 or 403.
    case unauthorized(Int)
    /// An HTTP status without an answer of the protocol.
    case refused(status: Int)
    /// An error of the protocol. The message is the server's, and so is foreign text.
    case answered(code: Int, message: String, supported: [String] = [])
    /// It does not speak as the protocol says.
    case violation(String)
    /// More than is taken, of what is named.
    case tooLarge(String)
    /// No answer in time.
    case timedOut
    /// The session is over; another is needed.
    case sessionEnded
    /// It wants to ask somebody something before it answers, which is not offered.
    case asksForInput
    /// It speaks other revisions only.
    case incompatible([String])
    /// The program has ended.
    case ended(String)
    /// Too many calls at once.
    case overloaded

    /// What happened, without the server's words.
    public var description: String {
        switch self {
        case .away(let reason): "the server is not connected: \(reason)"
        case .unreachable(let reason): reason
        case .unauthorized(let status): "the server does not let us in (status \(status))"
        case .refused(let status): "the server answers with status \(status)"
        case .answered(let code, _, _): "the server answers with error \(code)"
        case .violation(let what): "the server breaks the protocol: \(what)"
        case .tooLarge(let what): "the server sends too much: \(what)"
        case .timedOut: "the server did not answer in time"
        case .sessionEnded: "the server has ended the session"
        case .asksForInput: "the server wants further input, which is not offered"
        case .incompatible(let versions):
            "the server speaks no revision that we do: \(versions.prefix(5).map { $0.prefix(20) }.joined(separator: ", "))"
        case .ended(let how): "the server's program has ended: \(how)"
        case .overloaded: "too many calls of the server at once"
        }
    }
}
