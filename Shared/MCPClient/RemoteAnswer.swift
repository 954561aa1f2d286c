public import JSON

/// What a tool of a server answers. All of it is foreign: data, not instructions.
public struct RemoteAnswer: Sendable, Hashable {
    /// A piece of an answer.
    public enum Block: Sendable, Hashable {
        case text(String)
        case image(base64: String, type: String)
        case audio(base64: String, type: String)
        /// Something that may be read elsewhere.
        case link(uri: String, name: String, type: String?)
        case resource(uri: String, type: String?, text: String)
        /// A resource that is no text.
        case blob(uri: String, type: String?, base64: String)
        /// A kind that is not known here.
        case other(String)
    }

    /// Pieces of one answer.
    package static let maximumBlocks = 1_000

    /// The pieces, in order.
    public let content: [Block]
    /// The same for programs.
    public let structured: RawJSON?
    /// Whether it is the story of a failure.
    public let isError: Bool

    /// Reads the result of `tools/call`.
    package init(_ json: JSONElement) throws(RemoteError) {
        switch json["resultType"]?.string {
        case nil, "complete": break
        case "input_required": throw .asksForInput
        default: throw .violation("a result of a kind that was not agreed on")
        }
        guard let content = json["content"], content.kind == .array else {
            throw .violation("an answer of a tool without content")
        }
        var blocks: [Block] = []
        for element in content.elements {
            guard blocks.count < RemoteAnswer.maximumBlocks else { throw .tooLarge("pieces of an answer") }
            blocks.append(try Block(element))
        }
        self.content = blocks
        structured = json.value("structuredContent")?.raw
        isError = json["isError"]?.bool ?? false
    }
}

extension RemoteAnswer.Block {
    fileprivate init(_ json: JSONElement) throws(RemoteError) {
        func member(_ name: String, _ json: JSONElement) throws(RemoteError) -> String {
            guard let text = json[name]?.string else { throw .violation("a piece of an answer without its \(name)") }
            return text
        }
        let type = json["type"]?.string ?? ""
        switch type {
        case "text": self = .text(try member("text", json))
        case "image": self = .image(base64: try member("data", json), type: try member("mimeType", json))
        case "audio": self = .audio(base64: try member("data", json), type: try member("mimeType", json))
        case "resource_link":
            let uri = try member("uri", json)
            self = .link(uri: uri, name: json["name"]?.string ?? uri, type: json["mimeType"]?.string)
        case "resource":
            let resource = json["resource"] ?? .null
            let (uri, type) = (try member("uri", resource), resource["mimeType"]?.string)
            if let base64 = resource["blob"]?.string {
                self = .blob(uri: uri, type: type, base64: base64)
            } else {
                self = .resource(uri: uri, type: type, text: try member("text", resource))
            }
        default: self = .other(RemoteTool.cut(type, 50))
        }
    }
}
