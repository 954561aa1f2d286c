/// Why a program was not started.
public enum SubprocessError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The command cannot be carried out as it stands.
    case invalidCommand(String)
    /// There is no such program.
    case notFound
    /// A step before its first instruction failed, with the system's error number.
    case notStarted(step: String, number: Int32)

    /// What happened; it names no path.
    public var description: String {
        switch self {
        case .invalidCommand(let reason): "invalid command: \(reason)"
        case .notFound: "the program does not exist"
        case .notStarted(let step, let number): "the program was not started: \(step) failed with error \(number)"
        }
    }
}
