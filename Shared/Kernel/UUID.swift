/// A 128-bit identifier, written as 36 lower-case characters.
public struct UUID: Hashable, Sendable, Comparable, LosslessStringConvertible {
    /// The first eight bytes, big endian; in a version 7 id the millisecond is in its upper 48 bits.
    public let high: UInt64
    /// The last eight bytes, big endian.
    public let low: UInt64

    /// Makes an id from its two halves.
    public init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    /// Makes a version 7 id (RFC 9562): sortable by the millisecond of `time`, then random.
    public static func version7(at time: Timestamp, random: (UInt64, UInt64)) -> UUID {
        version7(at: tick(of: time), random: random.1)
    }

    /// A time in parts of a millisecond, 4,096 each, as version 7 ids hold it.
    static func tick(of time: Timestamp) -> UInt64 {
        let millisecond = UInt64(clamping: time.microseconds / 1000) & 0xFFFF_FFFF_FFFF
        return millisecond << 12 | UInt64(clamping: time.microseconds % 1000) * 4096 / 1000
    }

    static func version7(at tick: UInt64, random: UInt64) -> UUID {
        UUID(
            high: (tick >> 12) << 16 | 0x7000 | (tick & 0x0FFF),
            low: 0x8000_0000_0000_0000 | (random & 0x3FFF_FFFF_FFFF_FFFF)
        )
    }

    /// What sorts before every version 7 id of `time` or later, and after every earlier one.
    public static func bound(at time: Timestamp) -> UUID {
        UUID(high: (UInt64(clamping: time.microseconds / 1000) & 0xFFFF_FFFF_FFFF) << 16, low: 0)
    }

    /// Parses the canonical form; upper-case digits are accepted, braces and URNs are not.
    public init?(_ text: String) {
        self.init(bytes: text.utf8.span)
    }

    private init?(bytes: borrowing Span<UInt8>) {
        guard bytes.count == 36 else { return nil }
        var halves: (UInt64, UInt64) = (0, 0)
        var digits = 0
        for index in 0..<36 {
            let byte = bytes[index]
            if index == 8 || index == 13 || index == 18 || index == 23 {
                guard byte == UInt8(ascii: "-") else { return nil }
                continue
            }
            guard let nibble = Hex.value(of: byte) else { return nil }
            if digits < 16 {
                halves.0 = halves.0 << 4 | UInt64(nibble)
            } else {
                halves.1 = halves.1 << 4 | UInt64(nibble)
            }
            digits += 1
        }
        self.init(high: halves.0, low: halves.1)
    }

    /// The canonical lower-case form.
    public var description: String {
        let characters = characters
        return String(decoding: (0..<36).map { characters[$0] }, as: UTF8.self)
    }

    /// The same in ASCII, without a string.
    public var characters: InlineArray<36, UInt8> {
        var text = InlineArray<36, UInt8>(repeating: UInt8(ascii: "-"))
        var place = 0
        for index in 0..<32 {
            if index == 8 || index == 12 || index == 16 || index == 20 { place += 1 }
            let half = index < 16 ? high : low
            text[place] = Hex.digit(UInt8(truncatingIfNeeded: half >> UInt64(60 - (index & 15) * 4)) & 15)
            place += 1
        }
        return text
    }

    /// The 16 bytes in network order.
    public var bytes: [UInt8] {
        (0..<8).map { UInt8(truncatingIfNeeded: high >> UInt64(56 - $0 * 8)) }
            + (0..<8).map { UInt8(truncatingIfNeeded: low >> UInt64(56 - $0 * 8)) }
    }

    /// Orders by the 128-bit number, which for version 7 is the order of creation.
    public static func < (left: UUID, right: UUID) -> Bool {
        left.high == right.high ? left.low < right.low : left.high < right.high
    }
}
