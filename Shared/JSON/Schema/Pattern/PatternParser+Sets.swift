extension PatternParser {
    /// What stands in square brackets, behind the first.
    mutating func characters() throws(PatternError) -> PatternSet {
        var set = PatternSet()
        let isNegated = skip("^")
        while !skip("]") {
            let low = try member()
            guard skip("-") else {
                set.add(low)
                continue
            }
            if peek == "]" {
                set.add(low)
                set.add(PatternSet(0x2D...0x2D))
                continue
            }
            let high = try member()
            guard let first = low.single, let last = high.single, first <= last else { throw .malformed }
            set.add(PatternSet(first...last))
        }
        return isNegated ? set.negated : set
    }

    private mutating func member() throws(PatternError) -> PatternSet {
        let scalar = try take()
        guard scalar == "\\" else { return PatternSet(scalar.value...scalar.value) }
        if skip("b") { return PatternSet(0x08...0x08) }
        if skip("-") { return PatternSet(0x2D...0x2D) }
        return try escapedSet()
    }

    /// What stands behind a backslash and means characters.
    mutating func escapedSet() throws(PatternError) -> PatternSet {
        let scalar = try take()
        switch scalar {
        case "d": return .digits
        case "D": return .digits.negated
        case "w": return .word
        case "W": return .word.negated
        case "s": return .space
        case "S": return .space.negated
        case "p": return try category()
        case "P": return try category().negated
        default:
            let value = try code(scalar)
            return PatternSet(value...value)
        }
    }

    /// The one character that an escape means.
    private mutating func code(_ scalar: Unicode.Scalar) throws(PatternError) -> UInt32 {
        switch scalar {
        case "t": return 0x09
        case "n": return 0x0A
        case "v": return 0x0B
        case "f": return 0x0C
        case "r": return 0x0D
        case "0":
            if let digit = peek, ("0"..."9").contains(digit) { throw .malformed }
            return 0
        case "c":
            let letter = try take()
            guard ("a"..."z").contains(letter) || ("A"..."Z").contains(letter) else { throw .malformed }
            return letter.value % 32
        case "x": return try hex(2)
        case "u": return try unicode()
        default:
            // What has no meaning as an escape is a mistake, but punctuation may always be escaped.
            guard scalar.isASCII, !PatternSet.word.contains(scalar) else { throw .malformed }
            return scalar.value
        }
    }

    private mutating func unicode() throws(PatternError) -> UInt32 {
        if skip("{") {
            var value: UInt32 = 0
            repeat {
                value = value * 16 + (try hex(1))
                guard value <= 0x10FFFF else { throw .malformed }
            } while !skip("}")
            return value
        }
        let high = try hex(4)
        guard (0xD800...0xDBFF).contains(high), skip("\\u") else { return high }
        let low = try hex(4)
        guard (0xDC00...0xDFFF).contains(low) else { throw .malformed }
        return 0x10000 + (high - 0xD800) << 10 + (low - 0xDC00)
    }

    private mutating func hex(_ count: Int) throws(PatternError) -> UInt32 {
        var value: UInt32 = 0
        for _ in 0..<count {
            guard let digit = Character(try take()).hexDigitValue else { throw .malformed }
            value = value * 16 + UInt32(digit)
        }
        return value
    }

    /// `{Letter}`, `{Lu}`, `{General_Category=Nd}`, `{Script=…}` not.
    private mutating func category() throws(PatternError) -> PatternSet {
        guard skip("{") else { throw .malformed }
        _ = skip("General_Category=") || skip("gc=")
        var name = ""
        while case let scalar = try take(), scalar != "}" { name.unicodeScalars.append(scalar) }
        var set = PatternSet()
        guard let categories = PatternCategories.named[name] else {
            throw PatternError(message: "names a property of characters that is not supported")
        }
        set.categories = categories
        return set
    }
}

extension PatternSet {
    /// The only character, of a set that has one.
    fileprivate var single: UInt32? {
        guard !isNegated, categories.isEmpty, complements.isEmpty, ranges.count == 1,
            ranges[0].lowerBound == ranges[0].upperBound
        else { return nil }
        return ranges[0].lowerBound
    }
}
