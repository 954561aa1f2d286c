import Edge
import Kernel
import Settings

/// What the agent service is told by its environment.
struct AgentSettings: Sendable {
    let common: ServiceSettings
    /// Who we are to the job queue.
    let jobQueueToken: Secret<String>?

    init(_ reader: inout SettingsReader) {
        common = ServiceSettings(&reader, service: "agent", port: 8080)
        let token = reader.optionalSecret("JOB_QUEUE_TOKEN", "API key with jobs:submit for calls to the job queue")
        if common.mode == .production, token == nil { reader.refuse("JOB_QUEUE_TOKEN must be set in production") }
        jobQueueToken = token ?? common.access.developmentToken
    }
}
