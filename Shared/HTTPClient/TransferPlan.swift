import Concurrency

/// A transfer as the client's thread gets it.
struct TransferPlan: Sendable {
    /// Whom to answer, and how.
    enum Reply: Sendable {
        case whole(Promise<ClientResponse>, maximumBytes: Int)
        case stream(ResponseChannel)
    }

    let id: UInt64
    let request: ClientRequest
    let reply: Reply
}
