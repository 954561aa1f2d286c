/// Why there is no response. Safe to print: it names at most the host.
public enum ClientError: Error, Sendable, Hashable, CustomStringConvertible {
    /// What was going on when time ran out.
    public enum Phase: String, Sendable {
        /// Name, connection, TLS.
        case connect
        /// Sending the request and waiting for the head.
        case response
        /// Receiving the body.
        case body
        /// Nothing came for too long.
        case idle
    }

    /// Not an absolute http(s) URL, or one with user and password.
    case invalidURL
    /// The named part of the request cannot be sent.
    case invalidRequest(String)
    /// The host has no address.
    case couldNotResolve(host: String)
    /// Nothing accepted the connection.
    case couldNotConnect(host: String)
    /// The host's address is not a public one, and the client connects to no other.
    case addressRefused(host: String)
    /// Time ran out.
    case timedOut(Phase)
    /// No trusted encrypted connection.
    case tls(String)
    /// The body is larger than allowed.
    case responseTooLarge(limit: Int)
    /// The head is larger than allowed.
    case headersTooLarge(limit: Int)
    /// The connection broke before the response was complete.
    case connectionLost
    /// The server's answer is not HTTP.
    case protocolError(String)
    /// More redirects than allowed.
    case tooManyRedirects
    /// Too many transfers at a time.
    case overloaded
    /// A file could not be read or written.
    case file(errno: Int32)
    /// The client was shut down.
    case shutDown

    /// Says what happened.
    public var description: String {
        switch self {
        case .invalidURL: "the URL is not an absolute http or https URL without user and password"
        case .invalidRequest(let part): "the request's \(part) cannot be sent"
        case .couldNotResolve(let host): "the host \(host) has no address"
        case .couldNotConnect(let host): "no connection to \(host)"
        case .addressRefused(let host): "the address of \(host) is not public"
        case .timedOut(let phase): "timed out (\(phase.rawValue))"
        case .tls(let text): "no trusted TLS connection: \(text)"
        case .responseTooLarge(let limit): "the response is larger than \(limit) bytes"
        case .headersTooLarge(let limit): "the response's head is larger than \(limit) bytes"
        case .connectionLost: "the connection broke before the response was complete"
        case .protocolError(let text): "the answer is not valid HTTP: \(text)"
        case .tooManyRedirects: "too many redirects"
        case .overloaded: "too many requests at a time"
        case .file(let errno): "a file could not be read or written: error \(errno)"
        case .shutDown: "the client is shut down"
        }
    }
}

/// An error, and whether the server may have seen the request.
struct TransferFailure: Error {
    let error: ClientError
    let mayHaveBeenSeen: Bool
}
