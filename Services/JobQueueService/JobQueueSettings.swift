import Edge
import Kernel
import Settings

/// What the job queue service is told by its environment.
struct JobQueueSettings: Sendable {
    let common: ServiceSettings
    /// How long a worker session lives without a heartbeat.
    let lease: Duration
    /// How often workers are asked to send one.
    let heartbeat: Duration
    let retries: RetryPolicy
    let eventRetentionDays: Int
    /// How long ended jobs are kept.
    let retention: RetentionPeriods
    /// Where result files are kept.
    let resultsFolder: String
    let maximumResultBytes: Int
    /// What runs jobs in this process.
    let providers: ProviderSettings

    init(_ reader: inout SettingsReader) {
        common = ServiceSettings(&reader, service: "job-queue", port: 8081)
        lease = reader.milliseconds(
            "LEASE_MS",
            "how long a silent worker keeps its jobs",
            default: 15_000,
            in: 500...3_600_000
        )
        heartbeat = lease / 3
        retries = RetryPolicy(&reader)
        eventRetentionDays = reader.int("EVENT_RETENTION_DAYS", "how long events are kept", default: 7, in: 1...3_650)
        retention = RetentionPeriods(&reader)
        resultsFolder = reader.string(
            "RESULTS_DIR",
            "folder of result files, shared by all replicas",
            default: ".martlet/results"
        )
        maximumResultBytes = reader.int(
            "MAX_RESULT_BYTES",
            "largest result file",
            default: 1 << 30,
            in: 1...Int.max
        )
        providers = ProviderSettings(&reader, results: resultsFolder, maximumBytes: maximumResultBytes)
    }
}
