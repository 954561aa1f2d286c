import Contracts
import Edge
import HTTPServer
import JSON
import Kernel

/// The signed way in for outside services.
struct WebhookRoutes: Sendable {
    private static let maximumBytes = 1 << 20

    private let providers: [String: HTTPProvider]
    private let clock: WallClock

    init(_ providers: [HTTPProvider], clock: WallClock = .system) {
        self.providers = Dictionary(
            providers.map { ($0.kind.provider, $0) },
            uniquingKeysWith: { first, _ in first }
        )
        self.clock = clock
    }

    func add(to api: inout API) {
        api.add(
            Operation(
                .post,
                "/api/providers/{name}/webhook",
                "an outside service says how its work goes; signed with the provider's secret",
                scope: nil,
                body: .stream(atMost: WebhookRoutes.maximumBytes),
                success: 204,
                answersJSON: false
            )
        ) { call in try await take(call) }
    }

    private func take(_ call: Call) async throws -> Reply {
        guard let provider = providers[call.request.parameters["name"] ?? ""],
            case .webhook(let signature, let pointer) = provider.kind.waiting
        else { throw ServiceError.notFound("PROVIDER") }
        let body = try await call.request.body.collect(atMost: WebhookRoutes.maximumBytes)
        guard signature.isValid(call.request.headers[signature.header], body: body, now: clock.now()) else {
            throw ServiceError(.unauthenticated, "the signature is missing, wrong or too old")
        }
        let said: JSONElement
        do throws(JSONError) {
            said = try JSONDocument(parsing: provider.kind.mask.applied(to: body)).root
        } catch {
            throw ServiceError(.invalidJSON, "\(error)")
        }
        guard let id = pointer.text(in: said), (1...500).contains(id.utf8.count) else {
            throw ServiceError.invalid("", "has no id of an outside job")
        }
        try await provider.inbox.store(
            said.raw,
            isFinal: Verdict(said, provider.kind).isFinal,
            provider: provider.kind.provider,
            externalID: id
        )
        return .noContent
    }
}
