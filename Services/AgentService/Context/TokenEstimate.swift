/// What a text costs a model, without knowing which model.
///
/// The rule, by bytes of UTF-8: a word with a digit in it costs three quarters of a token a byte, because ids and numbers
/// are cut into small pieces; other words and spaces cost a quarter; all else, punctuation and what is not ASCII, a half.
enum TokenEstimate {
    /// The tokens of a text, rounded up.
    static func tokens(in text: borrowing Span<UInt8>) -> Int {
        var quarters = 0
        var word = 0
        var factor = 1
        for index in text.indices {
            let byte = text[index]
            // The bit that it sets makes a letter small.
            if (byte | 0x20) &- UInt8(ascii: "a") < 26 {
                word += 1
            } else if byte &- UInt8(ascii: "0") < 10 {
                word += 1
                factor = 3
            } else {
                quarters += factor * word + (byte == UInt8(ascii: " ") ? 1 : 2)
                word = 0
                factor = 1
            }
        }
        return (quarters + factor * word + 3) / 4
    }
}
