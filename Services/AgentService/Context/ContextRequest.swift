import Contracts

/// What a model is to be told about.
struct ContextRequest: Sendable {
    /// The project; the card's where it is not given.
    var project: ProjectID?
    /// The card in hand.
    var card: CardID?
    /// The most tokens that the block may cost.
    let budget: Int
    /// The only project that the caller may see; `nil` for all.
    var limit: ProjectID?
}
