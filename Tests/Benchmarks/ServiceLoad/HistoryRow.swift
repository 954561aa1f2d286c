import Postgres
import Settings
import Telemetry
import TestSupport

/// Whether what the measured run has left behind keeps the promises: a figure from a run that lost a job is none.
struct HistoryRow: Sendable {
    private let url: String?

    struct NoDatabase: Error {}

    init(_ environment: [String: String] = Environment.current()) { url = environment["DATABASE_URL"] }

    func measure() async throws -> (line: String, offences: [String]) {
        guard let url else { throw NoDatabase() }
        var settings = PoolSettings(url, applicationName: "history")
        settings.size = 1
        settings.statementTimeout = .seconds(300)
        let pool = Pool(settings, logger: .silent, metrics: Metrics())
        let result = await Task { try await JobRecorder.history(pool) }.result
        await pool.close()
        let history = try result.get()
        let offences = history.offences
        return ("jobs=\(history.jobs.count) events=\(history.events.count) offences=\(offences.count)", offences)
    }
}
