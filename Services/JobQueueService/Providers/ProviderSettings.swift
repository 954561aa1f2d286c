import FoundationEssentials
import JSON
import Kernel
import Settings

/// Which providers the environment asks for.
struct ProviderSettings: Sendable {
    let commands: [CommandKind]
    let concurrency: Int
    /// Where programs work.
    let scratch: String

    init(_ reader: inout SettingsReader, results: String, maximumBytes: Int) {
        let presets = reader.string(
            "PROVIDER_PRESETS",
            "kinds that run local programs: speech, image, transcode, or none",
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
        for name in presets.split(separator: ",").map({ $0.trimmingPrefix(" ") }) where name != "none" {
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
        self.commands = commands
    }

    /// The providers.
    func providers() -> [(name: String, provider: any Provider)] {
        guard !commands.isEmpty else { return [] }
        return [("command", CommandProvider(commands, concurrency: concurrency, scratch: scratch))]
    }
}
