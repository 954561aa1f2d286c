import JSON

/// A message of JSON-RPC 2.0 that a server sends.
enum Message: Sendable {
    /// The answer to a request of ours; `id` is `nil` when it names none that could be ours.
    case answer(id: Int?, Result<JSONElement, RemoteError>)
    case notification(method: String, parameters: JSONElement)
    /// The server asks something itself.
    case request(id: RawJSON, method: String)

    /// Reads a message.
    init(parsing bytes: [UInt8]) throws(RemoteError) {
        let root: JSONElement
        do {
            root = try JSONDocument(parsing: bytes).root
        } catch {
            throw .violation("a message that is not JSON")
        }
        guard root.kind == .object, root["jsonrpc"]?.string == "2.0" else {
            throw .violation("a message that is not JSON-RPC 2.0")
        }
        let id = root["id"]
        if let method = root["method"] {
            guard let method = method.string else { throw .violation("a method that is no text") }
            guard let id, !id.isNull else {
                self = .notification(method: method, parameters: root["params"] ?? .null)
                return
            }
            guard id.kind == .string || id.kind == .integer else { throw .violation("an id that is none") }
            self = .request(id: id.raw, method: method)
        } else if let error = root["error"], error.kind == .object {
            self = .answer(id: id?.int, .failure(Message.failure(error)))
        } else if let result = root["result"], result.kind == .object {
            self = .answer(id: id?.int, .success(result))
        } else {
            throw .violation("a message without method, result or error")
        }
    }

    private static func failure(_ error: JSONElement) -> RemoteError {
        .answered(
            code: error["code"]?.int ?? 0,
            message: RemoteTool.cut(error["message"]?.string ?? "", 2_000),
            supported: Array((error["data"]?["supported"]?.elements.compactMap(\.string) ?? []).prefix(20))
        )
    }

    /// How far a call is, if this says so: the call's id, and the rest.
    var progress: (id: Int, RemoteProgress)? {
        guard case .notification("notifications/progress", let parameters) = self,
            let id = parameters["progressToken"]?.int, let done = parameters["progress"]?.double
        else { return nil }
        let message = parameters["message"]?.string.map { RemoteTool.cut($0, 1_000) }
        return (id, RemoteProgress(done: done, total: parameters["total"]?.double, message: message))
    }

    /// Whether this says that there are other tools.
    var saysToolsChanged: Bool {
        if case .notification("notifications/tools/list_changed", _) = self { true } else { false }
    }

    /// The answer to what a server asks: a `ping` is answered, everything else was never offered.
    static func reply(to id: RawJSON, method: String) -> [UInt8] {
        JSONWriter.bytes { json in
            json.object { json in
                json.member("jsonrpc", "2.0")
                json.member("id", id)
                if method == "ping" {
                    json.member("result", RawJSON.emptyObject)
                } else {
                    json.member(
                        "error",
                        RawJSON(#"{"code":-32601,"message":"this client offers nothing of the kind"}"#)
                    )
                }
            }
        }
    }
}

/// How far a call is.
public struct RemoteProgress: Sendable, Hashable {
    /// It rises.
    public let done: Double
    /// What it rises to.
    public let total: Double?
    /// In the server's words.
    public let message: String?
}
