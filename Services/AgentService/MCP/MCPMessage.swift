import JSON

/// A message of JSON-RPC 2.0.
struct MCPMessage: Sendable {
    /// What a request is called by, given back as it came.
    struct ID: Sendable, Hashable {
        let json: RawJSON

        /// The text that it is, where it is one that needs no escapes, as ours are.
        var text: String? {
            guard json.bytes.count >= 2, json.bytes.first == UInt8(ascii: "\"") else { return nil }
            return String(decoding: json.bytes.dropFirst().dropLast(), as: UTF8.self)
        }
    }

    enum Kind: Sendable {
        case request(ID)
        case notification
        /// The answer to a request of ours: the whole message.
        case response(ID, JSONElement)
    }

    let kind: Kind
    let method: String
    let parameters: JSONElement
    /// The `_meta` of the parameters.
    let meta: JSONElement

    /// Reads a message.
    ///
    /// - Throws: `MCPError` for what is none. Batches have left the protocol.
    init(parsing bytes: [UInt8]) throws(MCPError) {
        let root: JSONElement
        do {
            root = try JSONDocument(parsing: bytes).root
        } catch {
            throw MCPError.parse("the body is not valid JSON: \(error)")
        }
        guard root.kind == .object else { throw MCPError.invalid("a message is one object; batches are not taken") }
        guard root["jsonrpc"]?.string == "2.0" else { throw MCPError.invalid("jsonrpc must be \"2.0\"") }
        let id = root["id"]
        if let id, id.kind != .string, id.kind != .integer {
            throw MCPError.invalid("an id is a text or a whole number")
        }
        guard let method = root["method"] else {
            guard let id, root["result"] != nil || root["error"] != nil else {
                throw MCPError.invalid("a message has a method, a result or an error")
            }
            kind = .response(ID(json: id.raw), root)
            (self.method, parameters, meta) = ("", .null, .null)
            return
        }
        guard let name = method.string else { throw MCPError.invalid("a method is a text") }
        let parameters = root["params"] ?? .null
        guard parameters.isNull || parameters.kind == .object else {
            throw MCPError.invalid("params must be an object")
        }
        kind = id.map { .request(ID(json: $0.raw)) } ?? .notification
        self.method = name
        self.parameters = parameters
        meta = parameters["_meta"] ?? .null
    }

    /// What a request is called by; `nil` for other messages.
    var id: ID? { if case .request(let id) = kind { id } else { nil } }

    /// One of the protocol's own members of the metadata.
    func meta(_ name: String) -> JSONElement? { meta[MCPVersion.prefix + name] }

    /// The answer to a request.
    static func result(_ result: RawJSON, to id: ID) -> [UInt8] {
        JSONWriter.bytes { json in
            json.object {
                $0.member("jsonrpc", "2.0")
                $0.member("id", id.json)
                $0.member("result", result)
            }
        }
    }

    /// The refusal of a request, or of what is none.
    static func error(_ error: MCPError, to id: ID?) -> [UInt8] {
        JSONWriter.bytes { json in
            json.object { json in
                json.member("jsonrpc", "2.0")
                json.member("id", id?.json)
                json.member("error") { json in
                    json.object {
                        $0.member("code", error.code)
                        $0.member("message", error.message)
                        if let data = error.data { $0.member("data", data) }
                    }
                }
            }
        }
    }

    /// A request of ours.
    static func request(_ method: String, _ parameters: RawJSON, id: String) -> [UInt8] {
        JSONWriter.bytes { json in
            json.object {
                $0.member("jsonrpc", "2.0")
                $0.member("id", id)
                $0.member("method", method)
                $0.member("params", parameters)
            }
        }
    }

    /// A notification of ours.
    static func notification(_ method: String, _ parameters: (inout JSONWriter) -> Void) -> [UInt8] {
        JSONWriter.bytes { json in
            json.object { json in
                json.member("jsonrpc", "2.0")
                json.member("method", method)
                json.member("params") { $0.object(parameters) }
            }
        }
    }
}
