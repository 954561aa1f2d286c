import Synchronization

/// A number that only grows.
public final class Counter: Sendable {
    private let value = Atomic<Int>(0)

    /// Adds to the number; one atomic operation.
    public func add(_ amount: Int = 1) { value.add(amount, ordering: .relaxed) }

    /// The number now.
    public var current: Int { value.load(ordering: .relaxed) }
}

/// A number that goes up and down.
public final class Gauge: Sendable {
    private let value = Atomic<Int>(0)

    /// Changes the number by `amount`; one atomic operation.
    public func add(_ amount: Int) { value.add(amount, ordering: .relaxed) }
    /// Sets the number.
    public func set(_ amount: Int) { value.store(amount, ordering: .relaxed) }

    /// The number now.
    public var current: Int { value.load(ordering: .relaxed) }
}

/// A distribution of values over fixed buckets.
public final class Histogram: Sendable {
    /// Seconds from 0.25 ms to 30 s, for waits and calls.
    public static let latencyBuckets = [
        0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30,
    ]

    let buckets: [Double]
    private let slots: [Counter]
    private let micros = Counter()

    init(buckets: [Double]) {
        self.buckets = buckets
        slots = (0...buckets.count).map { _ in Counter() }
    }

    /// Counts one value.
    public func record(_ value: Double) {
        let slot = buckets.firstIndex { value <= $0 } ?? buckets.count
        slots[slot].add()
        micros.add(Int(value * 1_000_000))
    }

    /// Counts a duration, in seconds.
    public func record(_ duration: Duration) {
        let (seconds, attoseconds) = duration.components
        record(Double(seconds) + Double(attoseconds) * 1e-18)
    }

    /// How many values were counted.
    public var count: Int { slots.reduce(0) { $0 + $1.current } }
    /// The sum of the values, to six decimals.
    public var sum: Double { Double(micros.current) / 1_000_000 }
    var counts: [Int] { slots.map(\.current) }
}
