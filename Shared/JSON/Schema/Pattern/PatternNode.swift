/// An expression, taken apart.
indirect enum PatternNode: Sendable {
    case empty
    case one(PatternSet)
    case assertion(PatternAssertion)
    case sequence([PatternNode])
    case choice([PatternNode])
    /// At least so often, and at most so often unless that is without end.
    case repeated(PatternNode, Int, Int?)
}

/// What must be so at a place between characters.
enum PatternAssertion: Sendable {
    case start, end, wordBoundary, noWordBoundary
}

/// Characters, by ranges of their numbers and by Unicode's categories.
struct PatternSet: Sendable {
    var ranges: [ClosedRange<UInt32>] = []
    var categories: Set<Unicode.GeneralCategory> = []
    /// Sets that stand for all but their own characters, inside of this one.
    var complements: [PatternSet] = []
    var isNegated = false

    func contains(_ scalar: Unicode.Scalar) -> Bool {
        let isIn =
            ranges.contains { $0.contains(scalar.value) }
            || !categories.isEmpty && categories.contains(scalar.properties.generalCategory)
            || complements.contains { $0.contains(scalar) }
        return isIn != isNegated
    }

    /// All but these.
    var negated: PatternSet {
        var other = self
        other.isNegated.toggle()
        return other
    }

    mutating func add(_ other: PatternSet) {
        if other.isNegated {
            complements.append(other)
        } else {
            ranges += other.ranges
            categories.formUnion(other.categories)
            complements += other.complements
        }
    }

    init(_ ranges: ClosedRange<UInt32>...) { self.ranges = ranges }

    static let digits = PatternSet(0x30...0x39)
    static let word = PatternSet(0x30...0x39, 0x41...0x5A, 0x5F...0x5F, 0x61...0x7A)
    static let lineEnds = PatternSet(0x0A...0x0A, 0x0D...0x0D, 0x2028...0x2029)
    static let space = PatternSet(
        0x09...0x0D,
        0x20...0x20,
        0xA0...0xA0,
        0x1680...0x1680,
        0x2000...0x200A,
        0x2028...0x2029,
        0x202F...0x202F,
        0x205F...0x205F,
        0x3000...0x3000,
        0xFEFF...0xFEFF
    )
}
