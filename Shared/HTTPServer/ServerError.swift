import Glibc

/// Why a server could not start.
public enum ServerError: Error, Sendable, Hashable, CustomStringConvertible {
    /// Another socket listens there.
    case addressInUse(host: String, port: UInt16)
    /// The host is none of this machine's, or not known.
    case addressNotAvailable(host: String, port: UInt16)
    /// The port needs a right that the process has not.
    case notPermitted(host: String, port: UInt16)
    /// The server was started before.
    case alreadyStarted
    /// The operating system refused a call, with its error number.
    case system(String, Int32)

    /// Says what is wrong and where.
    public var description: String {
        switch self {
        case .addressInUse(let host, let port): "\(host):\(port) is in use by another server"
        case .addressNotAvailable(let host, let port): "\(host):\(port) is no address of this machine"
        case .notPermitted(let host, let port): "this process may not listen on \(host):\(port)"
        case .alreadyStarted: "the server was started before"
        case .system(let call, let error): "\(call) failed with error \(error)"
        }
    }

    static func binding(_ host: String, _ port: UInt16, _ error: Int32) -> ServerError {
        switch error {
        case EADDRINUSE: .addressInUse(host: host, port: port)
        case EACCES, EPERM: .notPermitted(host: host, port: port)
        // Negative numbers are those of `getaddrinfo`: the name is not known.
        case EADDRNOTAVAIL, ..<0: .addressNotAvailable(host: host, port: port)
        default: .system("bind", error)
        }
    }
}
