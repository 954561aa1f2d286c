/// The services, by the names under which they are registered.
public enum ServiceName: String, Sendable, CaseIterable, Hashable {
    /// Projects, cards, assets.
    case agent
    /// Jobs.
    case jobQueue = "job-queue"
    /// Live updates and callbacks.
    case notification
}
