import FoundationEssentials

/// Reads the small files that `…_FILE` variables name.
public enum SettingsFile {
    /// The text of a UTF-8 file.
    public static func read(_ path: String) throws -> String { try String(contentsOfFile: path, encoding: .utf8) }
}
