import JSON
import Kernel
import Store
import Telemetry

/// A request that has passed the checks of its era.
struct MCPRequest: Sendable {
    let message: MCPMessage
    let isModern: Bool
    let principal: Principal
    let requestID: String
    let trace: TraceContext
    /// Sends a notification that belongs to this request, before its answer.
    let notify: @Sendable ([UInt8]) -> Void

    var parameters: JSONElement { message.parameters }

    /// Tells how far it is, if the client has asked to know. What would not rise is left out, as the protocol wants.
    func progress() -> @Sendable (ToolProgress) -> Void {
        guard let token = message.meta["progressToken"], [.string, .integer].contains(token.kind) else {
            return { _ in }
        }
        let last = LastProgress()
        let json = token.raw
        return { [notify] progress in
            guard last.rises(to: progress.done) else { return }
            notify(
                MCPMessage.notification("notifications/progress") {
                    $0.member("progressToken", json)
                    $0.member("progress", progress.done)
                    if let total = progress.total { $0.member("total", total) }
                    if let message = progress.message { $0.member("message", message) }
                }
            )
        }
    }
}
