/// Gives random numbers. A value, so that a test can make them predictable.
public struct RandomSource: Sendable {
    /// The next 64 random bits.
    public let next: @Sendable () -> UInt64

    /// A source that calls `next`.
    public init(next: @escaping @Sendable () -> UInt64) { self.next = next }

    /// The operating system's generator, fit for keys and tokens.
    public static let system = RandomSource {
        var generator = SystemRandomNumberGenerator()
        return generator.next()
    }

    /// `count` random bytes.
    public func bytes(_ count: Int) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(count)
        while bytes.count < count {
            let word = next()
            for shift in stride(from: 0, to: UInt64(64), by: 8) where bytes.count < count {
                bytes.append(UInt8(truncatingIfNeeded: word >> shift))
            }
        }
        return bytes
    }

    /// A number in `[0, 1)`.
    public func fraction() -> Double { Double(next() >> 11) * 0x1p-53 }
}
