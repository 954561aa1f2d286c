import Edge
import HTTPServer
import Kernel
import LanguageModels
import Settings

/// What the agent service is told by its environment.
struct AgentSettings: Sendable {
    let common: ServiceSettings
    /// Who we are to the job queue.
    let jobQueueToken: Secret<String>?
    /// How long calls of tools are remembered.
    let toolCallRetentionDays: Int
    let mcp: MCPSettings
    let tools: ToolsSettings
    let models: ModelSettings
    /// The model of runs that name none.
    let usualModel: String
    /// Runs that this process drives at a time.
    let runConcurrency: Int
    /// After how long a process that drives a run and says nothing is thought dead.
    let runLease: Duration

    init(_ reader: inout SettingsReader) {
        common = ServiceSettings(&reader, service: "agent", port: 8080)
        let token = reader.optionalSecret(
            "JOB_QUEUE_TOKEN",
            "API key for calls to the job queue: jobs:submit, and jobs:manage to cancel the jobs of cancelled runs and of MCP tasks"
        )
        if common.mode == .production, token == nil { reader.refuse("JOB_QUEUE_TOKEN must be set in production") }
        jobQueueToken = token ?? common.access.developmentToken
        toolCallRetentionDays = reader.int(
            "TOOL_CALL_RETENTION_DAYS",
            "how long calls of tools are remembered",
            default: 30,
            in: 1...3_650
        )
        tools = ToolsSettings(&reader)
        models = ModelSettings(&reader)
        usualModel = reader.string("AGENT_MODEL", "the model of runs that name none, provider/model", default: "rules")
        runConcurrency = reader.int(
            "AGENT_RUN_CONCURRENCY",
            "runs of agents that a process drives at a time; those that wait do not count",
            default: 32,
            in: 1...1_000
        )
        runLease = reader.milliseconds(
            "AGENT_RUN_LEASE_MS",
            "after how long a process that drives a run and says nothing is thought dead",
            default: 15_000,
            in: 1_000...600_000
        )
        mcp = MCPSettings(&reader, host: common.server.host, advertised: common.discovery.advertisedHost)
        if common.mode == .production, mcp.hasFixtures {
            reader.refuse("MCP_CONFORMANCE_FIXTURES must not be set in production")
        }
    }
}
