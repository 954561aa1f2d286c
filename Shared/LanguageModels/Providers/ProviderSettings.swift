import HTTPClient
import Kernel

/// A provider: where it is, how it is spoken to, and what it offers.
struct ProviderSettings: Sendable {
    /// How long things may take.
    struct Timeouts: Sendable, Hashable {
        /// Until the connection stands.
        var connect = Duration.seconds(5)
        /// Without a byte from the provider, once it has the request; also before the first.
        var idle = Duration.seconds(60)
        /// An answer with all attempts at it.
        var total = Duration.seconds(600)
    }

    /// What stands before the slash in the names of its models.
    let name: String
    let wire: Wire
    /// What the wire's path is appended to.
    let url: String
    var key: Secret<String>?
    var headers = Secret<[(name: String, value: String)]>([])
    var addresses = AddressGuard.publicOnly
    var timeouts = Timeouts()
    /// Further attempts at a request of which nothing was given out.
    var retries = 2
    /// The waits between them; its cap is also the longest that a provider may ask for.
    var backoff = Backoff(from: .milliseconds(500), cap: .seconds(8))
    /// How large an answer may become.
    var limits = AnswerLimits()
    var options = WireOptions()
    var models: [String: ModelFacts] = [:]
    var takesAnyModel = false

    /// Where requests go.
    var endpoint: String { (url.hasSuffix("/") ? String(url.dropLast()) : url) + wire.path }

    /// What a provider says, without what it must not have repeated, and not much of it.
    func shown(_ text: String) -> String {
        let mask = SecretMask([key?.reveal() ?? ""] + headers.reveal().map(\.value))
        return String(mask.applied(to: text).prefix(400))
    }
}
