import Glibc

/// Tells the time of day. A value, so that a test says what time it is.
public struct WallClock: Sendable {
    /// Reads the clock.
    public let now: @Sendable () -> Timestamp

    /// A clock that calls `now`.
    public init(now: @escaping @Sendable () -> Timestamp) { self.now = now }

    /// The machine's real-time clock.
    public static let system = WallClock {
        var time = timespec()
        // The pointer is to a local and used during the call only.
        unsafe clock_gettime(CLOCK_REALTIME, &time)
        return Timestamp(microseconds: Int64(time.tv_sec) * 1_000_000 + Int64(time.tv_nsec) / 1000)
    }
}
