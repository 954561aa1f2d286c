import Contracts
import Kernel
import Postgres
import Store

/// Says whether the one in whose name a run acts may still act: a run outlives the request that it was asked for with, and
/// must not outlive the key.
struct RunAuthority: Sendable {
    private static let prefix = "key:"
    private let keys: APIKeyStore

    init(_ pool: Pool) { keys = APIKeyStore(pool) }

    /// Whether the principal's key was revoked or has expired.
    func isGone(_ principal: Principal) async throws -> Bool {
        guard principal.name.hasPrefix(Self.prefix), let key = APIKeyID(String(principal.name.dropFirst(4))) else {
            return false
        }
        return try await !keys.ended([key]).isEmpty
    }

    /// How a run ends whose principal is gone.
    static let ending = RunEnding.failed(
        code: "PRINCIPAL_REVOKED",
        message: "the key in whose name the run acts was revoked or has expired"
    )
}
