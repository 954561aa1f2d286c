public import JSON

/// A tool of a server, as the server describes it. Its texts and schemas are foreign: data, not instructions.
public struct RemoteTool: Sendable, Hashable {
    /// The longest text that is kept of a description, in bytes.
    static let maximumText = 16 << 10

    /// Its name there: 1 to 128 letters, digits, `_`, `-`, `.` and `/`.
    public let name: String
    /// A name for people.
    public let title: String?
    /// What it does, in the server's words; cut when very long.
    public let summary: String
    /// The JSON Schema of its arguments.
    public let input: RawJSON
    /// The JSON Schema of its structured answer.
    public let output: RawJSON?
    /// The server says that it changes nothing.
    public let isReadOnly: Bool
    /// The server says that a second call with the same arguments changes nothing more.
    public let isIdempotent: Bool
    /// Arguments that are repeated in headers.
    let headers: [ParameterHeader]

    /// Why a tool of a list is left out.
    struct Unusable: Error {
        let reason: String
    }

    /// Reads a tool of a list.
    init(_ json: JSONElement) throws(Unusable) {
        guard let name = json["name"]?.string, RemoteTool.isName(name) else {
            throw Unusable(reason: "its name is none")
        }
        guard let schema = json["inputSchema"], schema.kind == .object else {
            throw Unusable(reason: "it has no schema of arguments")
        }
        guard schema["type"]?.string == "object" else { throw Unusable(reason: "its arguments are no object") }
        self.name = name
        title = (json["title"] ?? json["annotations"]?["title"])?.string.map { RemoteTool.cut($0, 200) }
        summary = RemoteTool.cut(json["description"]?.string ?? "", RemoteTool.maximumText)
        input = schema.raw
        output = json.value("outputSchema").flatMap { $0.kind == .object ? $0.raw : nil }
        isReadOnly = json["annotations"]?["readOnlyHint"]?.bool ?? false
        isIdempotent = json["annotations"]?["idempotentHint"]?.bool ?? false
        headers = try ParameterHeader.all(in: schema)
    }

    private static func isName(_ name: String) -> Bool {
        (1...128).contains(name.utf8.count)
            && name.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "a")...UInt8(ascii: "z"):
                    true
                default: "_-./".utf8.contains(byte)
                }
            }
    }

    /// The text, or as much of it as fits, cut between characters.
    static func cut(_ text: String, _ maximum: Int) -> String {
        guard text.utf8.count > maximum else { return text }
        var cut = ""
        var bytes = 0
        for character in text {
            bytes += character.utf8.count
            if bytes > maximum - 3 { break }
            cut.append(character)
        }
        return cut + "…"
    }
}
