import HTTPServer
import Kernel

/// The id of a request: the caller's own where it is fit to be logged, else a new one.
enum RequestID {
    static func of(_ request: Request) -> String {
        guard let given = request.headers["X-Request-ID"], (1...128).contains(given.utf8.count),
            given.utf8.allSatisfy({ (0x21...0x7E).contains($0) })
        else { return IdentifierSource().uuid().description }
        return given
    }
}
