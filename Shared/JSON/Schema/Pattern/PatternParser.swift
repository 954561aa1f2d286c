/// Takes an expression apart, by the grammar of ECMA-262 with its flag `u`.
struct PatternParser {
    private static let longest = 4_096
    private static let deepest = 50
    private let scalars: [Unicode.Scalar]
    var position = 0
    private var depth = 0

    init(_ source: String) { scalars = Array(source.unicodeScalars) }

    mutating func parse() throws(PatternError) -> PatternNode {
        guard scalars.count <= PatternParser.longest else { throw .tooLarge }
        let node = try choice()
        guard peek == nil else { throw .malformed }
        return node
    }

    var peek: Unicode.Scalar? { position < scalars.count ? scalars[position] : nil }

    mutating func take() throws(PatternError) -> Unicode.Scalar {
        guard let scalar = peek else { throw .malformed }
        position += 1
        return scalar
    }

    mutating func skip(_ text: String) -> Bool {
        let wanted = Array(text.unicodeScalars)
        guard scalars[position...].starts(with: wanted) else { return false }
        position += wanted.count
        return true
    }

    private mutating func choice() throws(PatternError) -> PatternNode {
        depth += 1
        guard depth <= PatternParser.deepest else { throw .tooLarge }
        defer { depth -= 1 }
        var branches = [try sequence()]
        while skip("|") { branches.append(try sequence()) }
        return branches.count == 1 ? branches[0] : .choice(branches)
    }

    private mutating func sequence() throws(PatternError) -> PatternNode {
        var terms: [PatternNode] = []
        while let next = peek, next != "|", next != ")" { terms.append(try quantified()) }
        return terms.isEmpty ? .empty : .sequence(terms)
    }

    private mutating func quantified() throws(PatternError) -> PatternNode {
        let term = try self.term()
        let counts: (Int, Int?)
        if skip("*") {
            counts = (0, nil)
        } else if skip("+") {
            counts = (1, nil)
        } else if skip("?") {
            counts = (0, 1)
        } else if let braces = try braces() {
            counts = braces
        } else {
            return term
        }
        // As few or as many as possible: for whether there is a match it makes no difference.
        _ = skip("?")
        if case .assertion = term { throw .malformed }
        return .repeated(term, counts.0, counts.1)
    }

    /// `{2}`, `{2,}` or `{2,5}`; anything else in braces is text.
    private mutating func braces() throws(PatternError) -> (Int, Int?)? {
        let start = position
        guard skip("{"), let least = try number() else {
            position = start
            return nil
        }
        if skip("}") { return (least, least) }
        guard skip(",") else {
            position = start
            return nil
        }
        if skip("}") { return (least, nil) }
        guard let most = try number(), skip("}") else {
            position = start
            return nil
        }
        guard least <= most else { throw .malformed }
        return (least, most)
    }

    private mutating func number() throws(PatternError) -> Int? {
        var value: Int?
        while let digit = peek, ("0"..."9").contains(digit) {
            value = (value ?? 0) * 10 + Int(digit.value - 0x30)
            guard value ?? 0 <= PatternCompiler.largest else { throw .tooLarge }
            position += 1
        }
        return value
    }

    private mutating func term() throws(PatternError) -> PatternNode {
        switch try take() {
        case "^": return .assertion(.start)
        case "$": return .assertion(.end)
        case ".": return .one(.lineEnds.negated)
        case "(": return try group()
        case "[": return .one(try characters())
        case "\\": return try escape()
        case "*", "+", "?": throw .malformed
        case let scalar: return .one(PatternSet(scalar.value...scalar.value))
        }
    }

    private mutating func group() throws(PatternError) -> PatternNode {
        if skip("?") {
            if skip("=") || skip("!") || skip("<=") || skip("<!") { throw .unbounded }
            if skip("<") {
                while try take() != ">" {}
            } else if !skip(":") {
                throw .malformed
            }
        }
        let node = try choice()
        guard skip(")") else { throw .malformed }
        return node
    }

    private mutating func escape() throws(PatternError) -> PatternNode {
        switch peek {
        case "b":
            position += 1
            return .assertion(.wordBoundary)
        case "B":
            position += 1
            return .assertion(.noWordBoundary)
        case "k": throw .unbounded
        case let digit? where ("1"..."9").contains(digit): throw .unbounded
        default: return .one(try escapedSet())
        }
    }
}
