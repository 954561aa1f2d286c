import Contracts
import HTTPServer
import Kernel
import Store

/// Lets a request in, or says why not.
struct Gate: Sendable {
    let authenticator: Authenticator
    let limiter: RateLimiter

    static let anybody = Principal(name: "anybody", scopes: [])

    func admit(_ request: Request, to operation: Operation) async throws -> Principal {
        guard let scope = operation.scope else { return Gate.anybody }
        let principal = try await principal(of: request)
        guard principal.may(scope) else {
            throw ServiceError(.forbidden, "the token lacks the scope \(scope.rawValue)")
        }
        return principal
    }

    func principal(of request: Request) async throws -> Principal {
        guard let header = request.headers["Authorization"] else {
            throw ServiceError(.unauthenticated, "send a token: Authorization: Bearer …")
        }
        let parts = header.split(separator: " ", maxSplits: 1)
        guard parts.count == 2, parts[0].lowercased() == "bearer" else {
            throw ServiceError(.unauthenticated, "the Authorization header must be a Bearer token")
        }
        let principal = try await authenticator.principal(token: Secret(String(parts[1])))
        try limiter.admit(principal.name)
        return principal
    }
}
