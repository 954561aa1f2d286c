import FoundationEssentials
import Settings

/// Finds `.martlet/env`, which `make start` writes, from a folder upwards.
enum SettingsFolder {
    static func read(from folder: String = FileManager.default.currentDirectoryPath) throws -> [String: String] {
        var parts = folder.split(separator: "/")[...]
        while true {
            let base = parts.isEmpty ? "" : "/" + parts.joined(separator: "/")
            for path in ["\(base)/.martlet/env"] where FileManager.default.isReadableFile(atPath: path) {
                return Endpoints.parse(try SettingsFile.read(path))
            }
            guard parts.popLast() != nil else { return [:] }
        }
    }
}
