/// simdjson's tape: one word per value (two for numbers), containers with the index behind their end.
///
/// The top byte of a word is its type, the rest its payload: `{` and `[` hold the index behind the matching end in
/// the low 32 bits; `"` holds an offset into the strings, where a 32-bit length and the bytes are; `l`, `u` and
/// `d` are followed by a raw word; `t`, `f` and `n` stand alone.
final class JSONTape: Sendable {
    let words: [UInt64]
    let strings: [UInt8]

    init(words: [UInt64], strings: [UInt8]) {
        self.words = words
        self.strings = strings
    }

    func type(at index: Int) -> UInt8 { UInt8(truncatingIfNeeded: words[index] >> 56) }

    func payload(at index: Int) -> Int { Int(words[index] & 0x00FF_FFFF_FFFF_FFFF) }

    /// The index of the value after the one at `index`.
    func next(after index: Int) -> Int {
        switch type(at: index) {
        case UInt8(ascii: "{"), UInt8(ascii: "["): Int(words[index] & 0xFFFF_FFFF)
        case UInt8(ascii: "l"), UInt8(ascii: "u"), UInt8(ascii: "d"): index + 2
        default: index + 1
        }
    }

    func bytes(at index: Int) -> ArraySlice<UInt8> {
        let offset = payload(at: index)
        var length = 0
        for byte in 0..<4 { length |= Int(strings[offset + byte]) << (8 * byte) }
        return strings[offset + 4..<offset + 4 + length]
    }
}
