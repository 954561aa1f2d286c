/// The version of all programs, in health reports, OpenAPI and `--version`.
public enum Version {
    /// The version.
    public static let current = "0.1.0"
}
