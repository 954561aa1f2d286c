import JSON
import Kernel
import Lifecycle

/// How results look on the wire. The modern era adds to each what kind it is, who answers, and how long it may be kept.
struct MCPResults: Sendable {
    let isModern: Bool

    static let server = RawJSON(
        JSONWriter.bytes { json in
            json.object {
                $0.member("name", "martlet")
                $0.member("title", "Martlet")
                $0.member("version", Version.current)
            }
        }
    )

    /// A result that may be kept for so long: what is shown depends on who asks, so nobody may share it.
    func cached(for time: Duration, _ members: (inout JSONWriter) throws -> Void) rethrows -> RawJSON {
        try plain { json in
            try members(&json)
            guard isModern else { return }
            json.member("ttlMs", Int(time.milliseconds))
            json.member("cacheScope", "private")
        }
    }

    /// A result; in the modern era it says of which type it is.
    func plain(
        type: String = "complete",
        _ members: (inout JSONWriter) throws -> Void
    ) rethrows -> RawJSON {
        RawJSON(
            try JSONWriter.bytes { json in
                try json.object { json in
                    if isModern { json.member("resultType", type) }
                    try members(&json)
                    if isModern {
                        json.member("_meta") {
                            $0.object { $0.member("\(MCPVersion.prefix)serverInfo", MCPResults.server) }
                        }
                    }
                }
            }
        )
    }
}

extension Tool: JSONWritable {
    /// Writes what a client is told of the tool. Its annotations follow from its effect.
    func write(to json: inout JSONWriter) {
        json.object { json in
            json.member("name", name)
            json.member("title", title)
            json.member("description", summary)
            json.member("inputSchema", input)
            if let output { json.member("outputSchema", output) }
            json.member("annotations") { json in
                json.object {
                    $0.member("title", title)
                    $0.member("readOnlyHint", effect == .read)
                    $0.member("destructiveHint", effect == .irreversible)
                    $0.member("idempotentHint", effect == .read || isIdempotent)
                    $0.member("openWorldHint", isOpen)
                }
            }
        }
    }
}

extension ToolAnswer.Content: JSONWritable {
    /// Writes a content block.
    func write(to json: inout JSONWriter) {
        json.object { json in
            switch self {
            case .text(let text):
                json.member("type", "text")
                json.member("text", text)
            case .image(let data, let type):
                json.member("type", "image")
                json.member("data", data)
                json.member("mimeType", type)
            case .audio(let data, let type):
                json.member("type", "audio")
                json.member("data", data)
                json.member("mimeType", type)
            case .resource(let uri, let type, let text):
                json.member("type", "resource")
                json.member("resource", MCPContents(uri: uri, type: type, text: text))
            }
        }
    }
}

/// What a resource holds.
struct MCPContents: JSONWritable, Sendable {
    let uri: String
    let type: String
    var text: String?
    var blob: String?

    func write(to json: inout JSONWriter) {
        json.object {
            $0.member("uri", uri)
            $0.member("mimeType", type)
            if let text { $0.member("text", text) }
            if let blob { $0.member("blob", blob) }
        }
    }
}
