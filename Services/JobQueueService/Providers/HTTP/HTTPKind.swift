import HTTPClient
import JSON
import Kernel

/// A kind of job that an outside service does, and how to speak with that service.
struct HTTPKind: Sendable {
    /// How the end is learned of.
    enum Waiting: Sendable {
        /// By asking, more and more seldom.
        case poll(RequestTemplate, Backoff)
        /// The service calls us.
        case webhook(WebhookSignature, id: JSONPointer)
    }

    /// Which of the service's words mean what; all others mean that it goes on.
    struct StatusWords: Sendable {
        let pointer: JSONPointer
        let done: Set<String>
        let failed: Set<String>
    }

    /// Where the result is in the last answer.
    struct Result: Sendable {
        enum Form: String, CaseIterable, Sendable {
            case url, base64, json
        }

        let pointer: JSONPointer
        let form: Form
        /// The types that are taken; the first is that of results that come without one.
        let mediaTypes: [String]
        let maximumBytes: Int
    }

    /// Its name, also in the webhook's path.
    let provider: String
    let name: String
    let summary: String
    let params: JSONSchema
    let concurrency: Int
    /// Whether it may be in a private network.
    let allowsPrivateAddresses: Bool
    let create: RequestTemplate
    let id: JSONPointer
    let status: StatusWords
    let error: JSONPointer?
    let progress: (pointer: JSONPointer, total: Double)?
    let result: Result
    let waiting: Waiting
    let cancel: RequestTemplate?
    /// Under which name retries are counted.
    let dependency: String
    /// What must not be kept of the service's answers.
    let mask: SecretMask

    /// The kind as others see it.
    var kind: Kind {
        Kind(
            name: name,
            summary: summary,
            params: params,
            provider: "http",
            unavailable: nil,
            dependency: dependency
        )
    }
}
