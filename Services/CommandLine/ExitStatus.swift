/// How the program ends, for scripts.
enum ExitStatus: Int32, Sendable {
    /// It was done; a job that was waited for completed.
    case success = 0
    /// The job failed, expired or was cancelled; or a check failed.
    case failure = 1
    /// The arguments make no sense.
    case usage = 2
    /// A service is not to be reached, or had a fault.
    case unreachable = 3
    /// There is no such thing.
    case notFound = 4
    /// The token is not accepted, or not for this.
    case refused = 5
}
