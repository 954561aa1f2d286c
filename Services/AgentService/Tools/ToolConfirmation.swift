import Contracts
import JSON
import Kernel

/// For which effects a person is asked before a tool acts.
enum ToolConfirmation: String, Sendable, CaseIterable {
    case none
    /// For those that cannot be changed back.
    case irreversible

    /// The tool, which asks first where that is wanted.
    func applied(to tool: Tool) -> Tool {
        self == .irreversible && tool.effect == .irreversible ? tool.asking() : tool
    }
}

extension Tool {
    /// Characters of the arguments that a person is shown.
    private static let shown = 1_000

    /// The same tool, which acts only once a person has agreed to this call of it.
    fileprivate func asking() -> Tool {
        var tool = self
        tool.run = { [title, summary, run] call in
            guard call.caller.kinds.contains(.form) else {
                throw ServiceError(
                    .forbidden,
                    "a person must agree to this, and the client cannot ask one: it must declare elicitation of forms"
                )
            }
            let arguments = String(decoding: call.arguments.raw.bytes, as: UTF8.self).prefix(Tool.shown)
            let agreed = try call.caller.fill(
                "confirm",
                "\(title)? \(summary)\n\(arguments)",
                schema: RawJSON(#"{"type":"object","properties":{}}"#)
            )
            guard agreed != nil else {
                throw ServiceError(.forbidden, "the person who was asked did not agree; nothing was done")
            }
            return try await run(call)
        }
        return tool
    }
}
