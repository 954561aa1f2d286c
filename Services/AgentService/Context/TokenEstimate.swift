/// What a text costs a model, without knowing which model.
///
/// The rule, by bytes of UTF-8: a word with a digit in it costs three quarters of a token a byte, because ids and numbers
/// are cut into small pieces; other words and spaces cost a quarter; all else, punctuation and what is not ASCII, a half.
enum TokenEstimate {
    /// The tokens of a text, rounded up.
    static func tokens(in text: some Sequence<UInt8>) -> Int {
        var quarters = 0
        var word = 0
        var hasDigit = false
        for byte in text {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"): word += 1
            case UInt8(ascii: "0")...UInt8(ascii: "9"):
                word += 1
                hasDigit = true
            default:
                quarters += (hasDigit ? 3 * word : word) + (byte == UInt8(ascii: " ") ? 1 : 2)
                word = 0
                hasDigit = false
            }
        }
        quarters += hasDigit ? 3 * word : word
        return (quarters + 3) / 4
    }
}
