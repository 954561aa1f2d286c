public import Telemetry

/// Something that answers a conversation.
public protocol LanguageModel: Sendable {
    /// Whose model it is, as OpenTelemetry's `gen_ai.provider.name` says it.
    var provider: String { get }

    /// Answers. `onDelta` is called with each piece while it comes, in order, never at the same time twice.
    ///
    /// What was given out stands: a failure after the first piece has `hasStreamed` set and was not tried again.
    /// - Throws: `ModelFailure`, or `CancellationError`.
    func reply(
        to request: ModelRequest,
        trace: TraceContext?,
        onDelta: @escaping @Sendable (ModelDelta) -> Void
    ) async throws -> ModelReply
}
