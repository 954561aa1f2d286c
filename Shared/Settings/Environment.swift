import FoundationEssentials

/// The process's environment.
public enum Environment {
    /// All variables as they were at start.
    public static func current() -> [String: String] { ProcessInfo.processInfo.environment }
}
