/// What an event says was done to an activity or a card.
enum ChangeKind: String, Sendable {
    case created, updated, moved, deleted
    /// A job's file became an asset of the card.
    case assetAdded = "asset_added"
}
