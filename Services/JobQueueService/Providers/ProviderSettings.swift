import FoundationEssentials
import JSON
import Kernel
import Lifecycle
import Postgres
import Settings
import Telemetry

/// Which providers the environment asks for.
struct ProviderSettings: Sendable {
    let commands: [CommandKind]
    let services: [HTTPKind]
    /// Whether the kind `echo` is offered.
    let echoes: Bool
    let concurrency: Int
    /// Where programs work.
    let scratch: String

    /// Reads the settings, and the files that they name. `environment` is what those files may take secrets from.
    init(
        _ reader: inout SettingsReader,
        environment: [String: String] = Settings.Environment.current(),
        results: String,
        maximumBytes: Int
    ) {
        let presets = reader.string(
            "PROVIDER_PRESETS",
            "kinds that run local programs: speech, image, transcode; echo, which runs none; or none",
            default: CommandPreset.allCases.map(\.rawValue).joined(separator: ",")
        )
        concurrency = reader.int(
            "PROVIDER_CONCURRENCY",
            "how many local programs run at once",
            default: ProcessInfo.processInfo.activeProcessorCount,
            in: 1...1000
        )
        scratch = reader.string("SCRATCH_DIR", "folder that local programs work in", default: results + "/scratch")
        var commands: [CommandKind] = []
        let names = presets.split(separator: ",").map { $0.trimmingPrefix(" ") }
        echoes = names.contains("echo")
        for name in names where name != "none" && name != "echo" {
            guard let preset = CommandPreset(rawValue: String(name)) else {
                reader.refuse("PROVIDER_PRESETS has no preset called '\(name)'")
                continue
            }
            do {
                commands.append(try preset.kind(maximumBytes: maximumBytes))
            } catch {
                reader.refuse("PROVIDER_PRESETS: \(name) cannot be set up: \(error)")
            }
        }
        if let path = reader.optionalString("COMMAND_PROVIDERS_FILE", "JSON file of further kinds of local programs"),
            let text = ProviderSettings.read(path, "COMMAND_PROVIDERS_FILE", &reader)
        {
            let file = CommandProviderFile.read(text, maximumBytes: maximumBytes)
            for problem in file.problems { reader.refuse("COMMAND_PROVIDERS_FILE \(problem)") }
            commands += file.items
        }
        var services: [HTTPKind] = []
        if let path = reader.optionalString("HTTP_PROVIDERS_FILE", "JSON file of kinds that outside services do"),
            let text = ProviderSettings.read(path, "HTTP_PROVIDERS_FILE", &reader)
        {
            let file = HTTPProviderFile.read(text, environment: environment, maximumBytes: maximumBytes)
            for problem in file.problems { reader.refuse("HTTP_PROVIDERS_FILE \(problem)") }
            services = file.items
        }
        let kinds = commands.map(\.name) + services.map(\.name) + (echoes ? ["echo"] : [])
        for name in Set(kinds) where kinds.count(where: { $0 == name }) > 1 {
            reader.refuse("the kind '\(name)' is configured more than once")
        }
        let providers = services.map(\.provider)
        for name in Set(providers) where providers.count(where: { $0 == name }) > 1 {
            reader.refuse("the provider '\(name)' is configured more than once")
        }
        self.commands = commands
        self.services = services
    }

    private static func read(_ path: String, _ variable: String, _ reader: inout SettingsReader) -> String? {
        do {
            return try SettingsFile.read(path)
        } catch {
            reader.refuse("\(variable) names a file that cannot be read")
            return nil
        }
    }

    /// The providers.
    func providers(
        _ pool: Pool,
        _ program: Program.Environment
    ) -> [(name: String, provider: any Provider)] {
        var providers: [(name: String, provider: any Provider)] = []
        if !commands.isEmpty {
            do {
                try ScratchFolder.removeStale(in: scratch)
            } catch {
                program.logger.warning("old scratch folders not removed", ["error": "\(error)"])
            }
            providers.append(
                ("command", CommandProvider(commands, concurrency: concurrency, scratch: scratch))
            )
        }
        if echoes { providers.append(("echo", EchoProvider(concurrency: concurrency))) }
        for kind in services {
            let provider = HTTPProvider(kind, pool: pool, logger: program.logger, metrics: program.metrics)
            providers.append((kind.provider, provider))
        }
        return providers
    }
}
