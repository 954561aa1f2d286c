import Synchronization

/// Makes version 7 ids from a clock and a source of randomness. Those of one source sort as they were made, whatever the
/// clock does: what is submitted together keeps its order by its ids.
public struct IdentifierSource: Sendable {
    private final class Last: Sendable { let tick = Atomic<UInt64>(0) }

    private let last = Last()
    private let clock: WallClock
    private let random: RandomSource

    /// Ids whose time is `clock`'s and whose rest is `random`'s.
    public init(clock: WallClock = .system, random: RandomSource = .system) {
        self.clock = clock
        self.random = random
    }

    /// A new UUID.
    public func uuid() -> UUID {
        let now = UUID.tick(of: clock.now())
        var before = last.tick.load(ordering: .relaxed)
        while true {
            let tick = max(now, before + 1)
            let (isDone, current) = last.tick.weakCompareExchange(
                expected: before,
                desired: tick,
                ordering: .relaxed
            )
            if isDone { return .version7(at: tick, random: random.next()) }
            before = current
        }
    }

    /// A new id of whatever kind is asked for.
    public func next<Subject>(_: Subject.Type = Subject.self) -> Identifier<Subject> { Identifier(uuid()) }
}
