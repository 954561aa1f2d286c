import Glibc

/// A reading of the clock behind `ContinuousClock`. A number, because an `Instant` makes every value that holds one
/// opaque to the optimiser, and requests are copied often.
struct Moment: Sendable {
    let nanoseconds: Int64

    static var now: Moment {
        var time = timespec()
        // Written during the call.
        unsafe clock_gettime(CLOCK_BOOTTIME, &time)
        return Moment(nanoseconds: Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec))
    }

    /// One moment by both clocks, read in direct succession.
    private static let origin = (moment: Moment.now, instant: ContinuousClock.now)

    init(nanoseconds: Int64) { self.nanoseconds = nanoseconds }

    init(_ instant: ContinuousClock.Instant) {
        let (seconds, attoseconds) = (instant - Moment.origin.instant).components
        self = Moment(
            nanoseconds: Moment.origin.moment.nanoseconds + seconds * 1_000_000_000 + attoseconds / 1_000_000_000
        )
    }

    var instant: ContinuousClock.Instant {
        Moment.origin.instant + .nanoseconds(nanoseconds - Moment.origin.moment.nanoseconds)
    }

    func seconds(to later: Moment) -> Double { Double(later.nanoseconds - nanoseconds) * 1e-9 }
}
