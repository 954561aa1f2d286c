import Contracts
import Edge
import HTTPServer
import JSON
import Kernel
import Telemetry

/// Where the notification service reports how jobs ended. The signature stands in for a token.
struct CallbackRoutes: Sendable {
    let recorder: OutcomeRecorder
    let signature: CallbackSignature
    let changed: @Sendable () -> Void

    func add(to api: inout API) {
        api.add(
            Operation(
                .post,
                "/internal/callbacks/jobs",
                "how a job ended; signed, repeated deliveries have one effect",
                scope: nil,
                body: .json(.anyObject)
            )
        ) { call in try await take(call) }
    }

    private func take(_ call: Call) async throws -> Reply {
        let header = call.request.headers[CallbackHeader.signature]
        guard signature.isValid(header, body: call.request.body.bytes) else {
            throw ServiceError(.unauthenticated, "the signature is missing, wrong or too old")
        }
        let outcome = try JobOutcome(call.body)
        guard call.request.headers[CallbackHeader.idempotencyKey] == outcome.eventID else {
            throw ServiceError.invalid(CallbackHeader.idempotencyKey, "must be the event_id")
        }
        let effect = try await recorder.record(outcome, trace: call.trace.traceparent)
        if effect == .assetAdded { changed() }
        return .json { json in json.object { $0.member("effect", effect.rawValue) } }
    }
}
