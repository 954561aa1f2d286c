import Contracts
import HTTPClient
import JSON
import Kernel
import Postgres
import Telemetry

/// Runs jobs by an outside service: creates work there, waits until it is done, and brings the result home.
///
/// ```
///   create ──id kept in the job's row──▶ poll, or wait for webhook ──done──▶ download ──▶ ResultStore
/// ```
/// An interrupted attempt is taken up by the next one where it stands: nothing is created, and paid for, twice.
struct HTTPProvider: Provider {
    let kinds: [Kind]
    let concurrency: Int
    let kind: HTTPKind
    let inbox: WebhookInbox
    private let pool: Pool
    private let logger: Logger
    private let client: Client
    private let downloads: Client

    init(_ kind: HTTPKind, pool: Pool, logger: Logger, metrics: Metrics) {
        self.kind = kind
        self.pool = pool
        self.logger = logger.with(["provider": kind.provider])
        kinds = [kind.kind]
        concurrency = kind.concurrency
        inbox = WebhookInbox(pool)
        let addresses: AddressGuard = kind.allowsPrivateAddresses ? .any : .publicOnly
        let inline = min(kind.result.maximumBytes, 96 << 20) / 3 * 4
        client = Client(
            ClientSettings(
                name: "provider \(kind.provider)",
                maximumResponseBytes: (1 << 20) + (kind.result.form == .url ? 0 : inline),
                addressGuard: addresses
            ),
            logger: logger,
            metrics: metrics
        )
        downloads = Client(
            ClientSettings(
                name: "results of \(kind.provider)",
                maximumRedirects: 3,
                addressGuard: addresses
            ),
            logger: logger,
            metrics: metrics
        )
    }

    func run(_ lease: Lease, _ attempt: Attempt) async throws -> ProviderResult {
        var run = try HTTPRun(kind, lease, attempt, client: client, downloads: downloads, inbox: inbox)
        do {
            return try await run.carryOut()
        } catch {
            if error is CancellationError || error is Attempt.LeaseLost { await callOff(run) }
            throw error
        }
    }

    /// Tells the service that nobody wants the result any more, when that is so: a job that is only handed on is still
    /// wanted.
    private func callOff(_ run: HTTPRun) async {
        guard kind.cancel != nil, run.state.externalID != nil else { return }
        // In a task of its own, since this one is cancelled; the request's own time limit bounds it.
        await Task {
            do {
                let row = try await pool.query(WebhookStatements.status(run.lease.jobID)).first
                guard try row?.decode(0, as: JobStatus.self).isFinal ?? true else { return }
                guard let request = try kind.cancel?.request(try run.values()) else { return }
                let response = try await client.send(request)
                logger.info("outside job called off", ["job_id": run.lease.jobID, "status": response.status])
            } catch {
                logger.warning("outside job not called off", ["job_id": run.lease.jobID, "error": "\(error)"])
            }
        }
        .value
    }
}
