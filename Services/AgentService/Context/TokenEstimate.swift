/// What a text costs a model, without knowing which model.
///
/// The rule: letters and spaces cost a quarter of a token each byte, everything else (digits, punctuation, letters
/// beyond ASCII) half of one, rounded up at the end. Prose comes out a little high, ids and other noise a little low.
enum TokenEstimate {
    /// The tokens of some text in UTF-8.
    static func tokens(in text: some Sequence<UInt8>) -> Int {
        var quarters = 0
        for byte in text { quarters += isCheap(byte) ? 1 : 2 }
        return (quarters + 3) / 4
    }

    private static func isCheap(_ byte: UInt8) -> Bool {
        byte == UInt8(ascii: " ") || (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20)
    }
}
