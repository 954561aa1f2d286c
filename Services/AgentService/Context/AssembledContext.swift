import Kernel

/// What a model is told of a project, and why just that.
struct AssembledContext: Sendable {
    /// The block, ready to stand in a prompt; empty when nothing of it fits.
    let text: String
    /// What the block costs, by our estimate.
    let tokens: Int
    /// All that was considered, in the order of the text.
    let parts: [ContextPart]
    /// How many there are of each kind beyond those that were looked at.
    let unread: [(kind: ContextPart.Kind, count: Int)]
    /// The moment it was read at, by the database's clock; `nil` when there was nothing to read.
    let readAt: Timestamp?

    /// Nothing.
    static let empty = AssembledContext(text: "", tokens: 0, parts: [], unread: [], readAt: nil)
}
