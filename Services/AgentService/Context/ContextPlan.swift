import Kernel

/// What is told within a budget: what is worth most first, of equals the newest, each whole or not at all.
struct ContextPlan: Sendable {
    /// The parts in the order given, each told or with the reason why it is not.
    private(set) var parts: [ContextPart]
    /// What those that are told cost, never more than the budget.
    private(set) var tokens = 0

    /// Plans. Parts that come with a reason to be left out stay out.
    init(_ parts: [ContextPart], budget: Int) {
        self.parts = parts
        let ranks = parts.indices.filter { parts[$0].omission == nil }.map { Rank(of: parts[$0], at: $0) }
        for rank in ranks.sorted() {
            if parts[rank.index].tokens <= budget - tokens {
                tokens += parts[rank.index].tokens
            } else {
                self.parts[rank.index].omission = .overBudget
            }
        }
    }

    /// Where a part stands in line: worth most first, of equals the newest, then the one that was given first.
    private struct Rank: Comparable {
        let score: Int
        let at: Int64
        let index: Int

        init(of part: ContextPart, at index: Int) {
            score = part.score
            at = part.at?.microseconds ?? 0
            self.index = index
        }

        static func < (left: Rank, right: Rank) -> Bool {
            (right.score, right.at, left.index) < (left.score, left.at, right.index)
        }
    }
}
