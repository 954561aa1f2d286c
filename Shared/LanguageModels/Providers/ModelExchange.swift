import HTTPClient
import Kernel
import Telemetry

/// A request in the form that it is sent in, as often as it takes, and what reads its answer.
struct ModelExchange: Sendable {
    private let settings: ProviderSettings
    private let names: ToolNames
    private let id: String
    private let body: [UInt8]

    /// - Throws: where there is nothing to ask.
    init(_ request: ModelRequest, _ settings: ProviderSettings) throws(ModelFailure) {
        self.settings = settings
        var request = request
        // A choice of what is not offered is refused.
        if case .tool(let name) = request.choice, !request.tools.contains(where: { $0.name == name }) {
            request.choice = .auto
        }
        names = ToolNames(request.tools.map(\.name))
        id = request.id
        var options = settings.options
        options.facts = settings.models[request.model] ?? ModelFacts()
        body = try settings.wire.body(of: request, names, options)
    }

    func request(within total: Duration, _ trace: TraceContext?) -> ClientRequest {
        ClientRequest(
            "POST",
            settings.endpoint,
            headers: settings.wire.headers(key: settings.key?.reveal(), requestID: id) + settings.headers.reveal(),
            body: .bytes(body),
            timeouts: ClientRequest.Timeouts(
                connect: settings.timeouts.connect,
                total: total,
                idle: settings.timeouts.idle
            ),
            trace: trace
        )
    }

    func reader() -> AnswerReader {
        AnswerReader(settings.wire, names, requestBytes: body.count, limits: settings.limits)
    }
}
