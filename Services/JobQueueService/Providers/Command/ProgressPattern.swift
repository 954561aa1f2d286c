/// Finds a program's progress in its lines: a regular expression whose first group is a number.
struct ProgressPattern: Sendable {
    /// The expression is none, or has no group.
    struct Mistake: Error {}

    private let source: String
    /// What the number is at the end, unless the job's preparation knows better.
    private let total: Double

    init(_ source: String, total: Double) throws {
        self.source = source
        self.total = total
        // Compiled for each job again, since a compiled one cannot cross threads. Here it is only tried: with an empty
        // alternative it matches the empty text, and the match has a place for each group.
        _ = try Regex(source)
        let groups = try Regex("(?:\(source))|").firstMatch(in: "")?.output.count ?? 0
        guard total > 0, groups >= 2 else { throw Mistake() }
    }

    /// Reads lines of one run.
    func reader(total: Double?) throws -> Reader { Reader(expression: try Regex(source), total: total ?? self.total) }

    /// Reads lines of one run.
    struct Reader {
        fileprivate let expression: Regex<AnyRegexOutput>
        fileprivate let total: Double

        /// How far it is, 0 … 1, if the line says so.
        func fraction(in line: String) throws -> Double? {
            guard let output = try expression.firstMatch(in: line)?.output, output.count >= 2,
                let number = output[1].substring.flatMap({ Double($0) })
            else { return nil }
            return min(1, max(0, number / total))
        }
    }
}
