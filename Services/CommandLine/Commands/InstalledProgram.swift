import FoundationEssentials

/// Looks programs up where systems keep them.
enum InstalledProgram {
    private static let folders = ["/usr/bin", "/bin", "/usr/local/bin", "/usr/sbin", "/usr/lib/rabbitmq/bin"]

    /// The path of the first of some programs that is there. Debian keeps Postgres apart, by version.
    static func find(_ names: [String]) -> String? {
        let versions = (13...20).reversed().map { "/usr/lib/postgresql/\($0)/bin" }
        for name in names {
            for folder in folders + versions where FileManager.default.isExecutableFile(atPath: "\(folder)/\(name)") {
                return "\(folder)/\(name)"
            }
        }
        return nil
    }
}
