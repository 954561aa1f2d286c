import JSON
import Kernel
import Store
import Telemetry

/// A request that has passed the checks of its era.
struct MCPRequest: Sendable {
    let message: MCPMessage
    /// The session that a legacy client speaks in.
    let session: MCPSessions.Session?
    let principal: Principal
    let requestID: String
    let trace: TraceContext
    /// Takes the messages that belong to this request, and its answer.
    let outbox: MCPOutbox

    var isModern: Bool { session == nil }

    var parameters: JSONElement { message.parameters }

    /// What the client can be asked for.
    var kinds: Set<InputRequest.Kind> {
        session?.kinds ?? InputRequest.Kind.declared(in: message.meta("clientCapabilities"))
    }

    /// Tells how far it is, if the client has asked to know. What would not rise is left out, as the protocol wants.
    func progress() -> @Sendable (ToolProgress) -> Void {
        guard let token = message.meta["progressToken"], [.string, .integer].contains(token.kind) else {
            return { _ in }
        }
        let last = LastProgress()
        let json = token.raw
        return { [outbox] progress in
            guard last.rises(to: progress.done) else { return }
            outbox.send(
                MCPMessage.notification("notifications/progress") {
                    $0.member("progressToken", json)
                    $0.member("progress", progress.done)
                    if let total = progress.total { $0.member("total", total) }
                    if let message = progress.message { $0.member("message", message) }
                }
            )
        }
    }

    /// The least severity of messages that the client wants; a modern one that does not say wants none.
    private var severity: Severity? {
        session?.severity ?? message.meta("logLevel")?.string.flatMap(Severity.init)
    }

    /// Tells what happens, if it matters enough to the client. `data` is a text, or an object.
    func log(_ severity: Severity, _ data: some JSONWritable) {
        guard let least = self.severity, severity >= least else { return }
        outbox.send(
            MCPMessage.notification("notifications/message") {
                $0.member("level", severity.rawValue)
                $0.member("logger", "martlet")
                $0.member("data", data)
            }
        )
    }
}
