import FoundationEssentials

/// Looks programs up in the system's own folders, whatever `PATH` says.
enum InstalledProgram {
    private static let folders = ["/usr/bin", "/bin", "/usr/local/bin"]

    /// The path of the first of some programs that is there.
    static func find(_ names: [String]) -> String? {
        for name in names {
            for folder in folders where isExecutable("\(folder)/\(name)") { return "\(folder)/\(name)" }
        }
        return nil
    }

    /// Whether a program is there.
    static func isExecutable(_ path: String) -> Bool { FileManager.default.isExecutableFile(atPath: path) }

    /// Whether a file is there.
    static func isReadable(_ path: String) -> Bool { FileManager.default.isReadableFile(atPath: path) }
}
