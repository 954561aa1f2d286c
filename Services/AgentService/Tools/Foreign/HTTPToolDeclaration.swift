import Contracts
import HTTPClient
import JSON
import Kernel

/// A tool that is a request to somebody else's service, as `TOOLS_FILE` declares it.
struct HTTPToolDeclaration: Sendable {
    let name: String
    let title: String
    let summary: String
    /// The schema as it is written there.
    let shownInput: RawJSON
    let input: JSONSchema
    let effect: Tool.Effect
    let request: RequestTemplate
    /// Whether arguments that the URL does not take go into the body as they are.
    let sendsArguments: Bool
    /// The arguments that the URL takes.
    let places: [String]
    let isIdempotent: Bool
    let honoursKey: Bool
    let timeout: Duration
    let scope: Scope?
    let maximumBytes: Int
    let addresses: AddressGuard
    /// Of each call that was answered, in millionths.
    let cost: Int?
    let mask: SecretMask

    /// Whether a call of which nobody knows how it ended may be made again with its key.
    var isRepeatable: Bool { effect == .read || isIdempotent || honoursKey }
}
