/// Makes version 7 ids from a clock and a source of randomness.
public struct IdentifierSource: Sendable {
    private let clock: WallClock
    private let random: RandomSource

    /// Ids whose time is `clock`'s and whose rest is `random`'s.
    public init(clock: WallClock = .system, random: RandomSource = .system) {
        self.clock = clock
        self.random = random
    }

    /// A new UUID.
    public func uuid() -> UUID { .version7(at: clock.now(), random: (0, random.next())) }

    /// A new id of whatever kind is asked for.
    public func next<Subject>(_: Subject.Type = Subject.self) -> Identifier<Subject> { Identifier(uuid()) }
}
