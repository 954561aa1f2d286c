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
        let order = parts.indices.filter { parts[$0].omission == nil }.sorted { ContextPlan.precedes(parts, $0, $1) }
        for index in order {
            if parts[index].tokens <= budget - tokens {
                tokens += parts[index].tokens
            } else {
                self.parts[index].omission = .overBudget
            }
        }
    }

    private static func precedes(_ parts: [ContextPart], _ left: Int, _ right: Int) -> Bool {
        func rank(_ index: Int) -> (Int, Int64, Int) {
            (-parts[index].score, -(parts[index].at?.microseconds ?? 0), index)
        }
        return rank(left) < rank(right)
    }
}
