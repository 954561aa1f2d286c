import Concurrency
import Edge
import Kernel
import Lifecycle
import Postgres
import Store
import Telemetry

/// Sends away who is connected with an API key that was revoked: one question to the database every `period` while
/// anybody is, so no later than that after the revocation. While the database is away nobody can revoke.
struct RevocationWatch: Service {
    let name = "revocation watch"
    let attendance: Attendance
    let keys: APIKeyStore
    let authenticator: Authenticator
    var period: Duration = .seconds(2)
    let logger: Logger

    func run(until stop: StopSignal) async throws {
        try await stop.cancelling {
            while true {
                try await Task.sleep(for: period)
                do {
                    try await look()
                } catch let error as PostgresError {
                    logger.warning("keys cannot be looked after", ["error": "\(error)"])
                }
            }
        }
    }

    private func look() async throws {
        let ended = try await keys.ended(attendance.keys)
        guard !ended.isEmpty else { return }
        let names = Set(ended.map { "key:\($0)" })
        // First, so that nobody comes back by what is remembered.
        authenticator.forget(names)
        attendance.dismiss(names)
        logger.info("connections of revoked keys are closed", ["keys": "\(ended.count)"])
    }
}
