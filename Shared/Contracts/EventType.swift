/// What an event reports; also its routing key on the exchange `events`.
public enum EventType: String, Sendable, CaseIterable {
    /// A job's status changed.
    case jobStatusUpdated = "job.status.updated"
    /// A running job told how far it is.
    case jobProgressUpdated = "job.progress.updated"
    /// A card was made, changed, moved or deleted.
    case cardUpdated = "card.updated"
    /// An activity was made, changed, moved or deleted.
    case activityUpdated = "activity.updated"
    /// An asset was approved.
    case assetApproved = "asset.approved"
    /// An approval was taken back.
    case assetRevoked = "asset.revoked"
    /// A thread was made, got a checkpoint, was pruned or deleted.
    case threadUpdated = "thread.updated"
    /// A run of an agent went on, or its model says something.
    case runEvent = "run.event"

    /// The topic exchange that carries all events.
    public static let exchange = "events"
}
