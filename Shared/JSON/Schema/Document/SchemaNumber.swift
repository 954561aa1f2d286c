/// A number of a schema or a value, compared and divided as decimals are: exactly.
struct SchemaNumber: Sendable {
    private let double: Double
    /// The number itself where it is whole and fits: a double has not all of its digits.
    private let whole: Int?

    init?(_ value: JSONElement) {
        guard let double = value.double else { return nil }
        self.double = double
        whole = value.int
    }

    /// The number as people write it.
    var plain: String { whole?.description ?? double.description }
    var isPositive: Bool { double > 0 }

    static func < (left: SchemaNumber, right: SchemaNumber) -> Bool {
        if let one = left.whole, let other = right.whole { return one < other }
        return left.double < right.double
    }

    /// Whether it is another one times a whole number.
    func isMultiple(of other: SchemaNumber) -> Bool {
        if let whole, let divisor = other.whole { return whole.isMultiple(of: divisor) }
        let (mine, others) = (decimal, other.decimal)
        guard mine.digits != 0, others.digits != 0 else { return mine.digits == 0 }
        // Below the divisor's last place there must be nothing; above it, zeros are added one by one.
        guard mine.exponent >= others.exponent else {
            var divisor = others.digits
            for _ in 0..<(others.exponent - mine.exponent) {
                let (product, overflow) = divisor.multipliedReportingOverflow(by: 10)
                if overflow { return false }
                divisor = product
            }
            return mine.digits % divisor == 0
        }
        var remainder = mine.digits % others.digits
        for _ in 0..<(mine.exponent - others.exponent) where remainder != 0 {
            remainder = remainder * 10 % others.digits
        }
        return remainder == 0
    }

    /// The shortest decimal that reads back as this number: `digits` times ten to the `exponent`.
    private var decimal: (digits: Int128, exponent: Int) {
        let parts = (whole?.description ?? double.description).split(separator: "e")
        let mantissa = parts[0].split(separator: ".", omittingEmptySubsequences: false)
        let fraction = mantissa.count > 1 ? mantissa[1] : ""
        let exponent = parts.count > 1 ? Int(parts[1]) ?? 0 : 0
        return (Int128(mantissa[0] + fraction) ?? 0, exponent - fraction.count)
    }
}
