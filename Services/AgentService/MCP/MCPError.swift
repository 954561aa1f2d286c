import Contracts
import JSON

/// A refusal in the protocol's words.
struct MCPError: Error {
    let code: Int
    let message: String
    var data: RawJSON?
    /// The HTTP status, where the transport says one.
    var status = 200

    /// The text is not JSON.
    static func parse(_ reason: String) -> MCPError { MCPError(code: -32700, message: reason, status: 400) }
    /// It is JSON and no message.
    static func invalid(_ reason: String) -> MCPError { MCPError(code: -32600, message: reason, status: 400) }
    /// There is no such method in this revision.
    static func noMethod(_ name: String, status: Int = 200) -> MCPError {
        MCPError(code: -32601, message: "there is no method \(name.prefix(100))", status: status)
    }
    /// The parameters do not fit, or name nothing that is there.
    static func parameters(_ reason: String, status: Int = 200) -> MCPError {
        MCPError(code: -32602, message: reason, status: status)
    }
    /// A fault of ours.
    static let fault = MCPError(code: -32603, message: "something went wrong here; the log has it")
    /// Who answered has stopped.
    static let interrupted = MCPError(
        code: -32603,
        message: "the service was interrupted while it answered: the call may have had its effect or not"
    )
    /// A header is missing, or is not what the body says.
    static func header(_ reason: String) -> MCPError { MCPError(code: -32020, message: reason, status: 400) }
    /// What is asked needs something that the client has not declared.
    static func capabilities(_ json: RawJSON, isModern: Bool = true) -> MCPError {
        let data = RawJSON(JSONWriter.bytes { $0.object { $0.member("requiredCapabilities", json) } })
        let code = isModern ? -32021 : -32602
        return MCPError(code: code, message: "the client has not declared what this needs", data: data, status: 400)
    }
    /// A revision that is not spoken here.
    static func version(_ requested: String) -> MCPError {
        let data = JSONWriter.bytes { json in
            json.object {
                $0.member("supported", [MCPVersion.modern])
                $0.member("requested", String(requested.prefix(100)))
            }
        }
        return MCPError(code: -32022, message: "this revision is not spoken", data: RawJSON(data), status: 400)
    }
    /// There is no such resource; each era has a code of its own for that.
    static func noResource(_ uri: String, isModern: Bool) -> MCPError {
        let data = RawJSON(JSONWriter.bytes { $0.object { $0.member("uri", String(uri.prefix(2_000))) } })
        return MCPError(code: isModern ? -32602 : -32002, message: "there is no such resource", data: data)
    }
}

extension MCPError {
    /// A refusal of the service's own rules.
    init(_ error: ServiceError) {
        let data = JSONWriter.bytes { json in
            json.object {
                $0.member("code", error.code.text)
                $0.member("retryable", error.code.isRetryable)
            }
        }
        let code = (400..<500).contains(error.code.status) ? -32602 : -32603
        self.init(code: code, message: error.message, data: RawJSON(data))
    }
}
