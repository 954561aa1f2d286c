/// Pseudo-random numbers that are the same for the same seed (SplitMix64), and inputs made with them.
struct Generator: RandomNumberGenerator, Sendable {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }

    mutating func below(_ bound: Int) -> Int { Int.random(in: 0..<max(1, bound), using: &self) }
    mutating func chance(_ one: Int) -> Bool { below(one) == 0 }
    mutating func pick<Element>(_ elements: [Element]) -> Element? { elements.randomElement(using: &self) }

    /// What breaks parsers: bounds of integers and lengths, signs, signs of structure, broken and rare characters.
    private static let tokens: [[UInt8]] =
        [
            "0", "-1", "+1", "127", "128", "255", "256", "65535", "65536", "2147483648", "4294967296",
            "9223372036854775807", "9223372036854775808", "-9223372036854775808", "18446744073709551615",
            "18446744073709551616", "99999999999999999999999999", "1e308", "1e309", "-0", "0.1", "1e-400", "1E+2",
            "null", "true", "{", "}", "[", "]", ",", ":", "\"", "\\", "\\u0000", "\\ud800", "\\udc00", "%", "%2f",
            "%00",
            "\r\n", "\n", "\r", "\r\n\r\n", "\t", " ", ";", "=", "-", ".", "..", "/", "//", "?", "#", "@", "&", "ﬁ",
            "é", "\u{1F600}", "\u{FEFF}", "\u{2028}", "Z", "T", "+23:59", "-23:59", "0000", "9999", "q=0", "*/*",
            "bytes=",
            "chunked", "Content-Length: ", "Transfer-Encoding: ", "ffffffffffffffff",
        ]
        .map { Array($0.utf8) } + [
            [0], [0x7F], [0x80], [0xC0, 0x80], [0xFF], [0xED, 0xA0, 0x80], [0xF4, 0x90, 0x80, 0x80],
        ]

    /// One of the corpus, changed zero to eight times.
    mutating func input(from corpus: [[UInt8]], atMost limit: Int) -> [UInt8] {
        guard var bytes = pick(corpus) else { return [] }
        for _ in 0..<below(9) { change(&bytes, corpus) }
        return Array(bytes.prefix(limit))
    }

    private mutating func change(_ bytes: inout [UInt8], _ corpus: [[UInt8]]) {
        let place = below(bytes.count + 1)
        let end = min(bytes.count, place + below(1 << below(8)))
        switch below(11) {
        case 0: if place < bytes.count { bytes[place] ^= 1 << UInt8(below(8)) }
        case 1: if place < bytes.count { bytes[place] = UInt8(truncatingIfNeeded: next()) }
        case 2: bytes.removeSubrange(place..<end)
        case 3: bytes.insert(contentsOf: bytes[place..<end], at: below(bytes.count + 1))
        case 4: bytes.insert(contentsOf: pick(Generator.tokens) ?? [], at: place)
        case 5: bytes.replaceSubrange(place..<end, with: pick(Generator.tokens) ?? [])
        case 6: bytes.removeSubrange(place...)
        case 7:
            // The head of this one, the tail of another.
            let other = pick(corpus) ?? []
            bytes.replaceSubrange(place..., with: other[below(other.count + 1)...])
        case 8: changeNumber(&bytes)
        case 9:
            let piece = pick(Generator.tokens) ?? []
            let times = 1 << below(9)
            for _ in 0..<times { bytes.insert(contentsOf: piece, at: min(place, bytes.count)) }
        default:
            // Around all of it, as often as a parser may go deep, and once more.
            let depth = pick([1, 2, 126, 127, 128, 129, 1000]) ?? 1
            let (open, close) = chance(2) ? ("[", "]") : ("{\"a\":", "}")
            bytes = Array(String(repeating: open, count: depth).utf8) + bytes
            bytes += Array(String(repeating: close, count: depth).utf8)
        }
    }

    /// Puts another number in the place of the first one after some place.
    private mutating func changeNumber(_ bytes: inout [UInt8]) {
        let digits = UInt8(ascii: "0")...UInt8(ascii: "9")
        guard let first = bytes[below(bytes.count + 1)...].firstIndex(where: digits.contains) else { return }
        let last = bytes[first...].firstIndex { !digits.contains($0) } ?? bytes.endIndex
        let number = chance(2) ? String(next() >> UInt64(below(64))) : String(below(70))
        bytes.replaceSubrange(first..<last, with: Array(number.utf8))
    }

    /// The same bytes in pieces, some of them empty.
    mutating func pieces(of bytes: [UInt8]) -> [ArraySlice<UInt8>] {
        var pieces: [ArraySlice<UInt8>] = []
        var rest = bytes[...]
        let size = 1 << below(12)
        while !rest.isEmpty {
            let piece = rest.prefix(below(size + 1))
            pieces.append(piece)
            rest = rest.dropFirst(piece.count)
        }
        return pieces
    }
}
