/// The life of a publisher or consumer; it only goes forward.
enum RunPhase: Int, Comparable, Sendable {
    /// `run` was not called yet.
    case idle
    case running
    /// The task of `run` was cancelled; the thread is saying goodbye.
    case stopping
    case ended

    static func < (left: RunPhase, right: RunPhase) -> Bool { left.rawValue < right.rawValue }
}
