public import JSON

/// Why JSON is no message.
public struct ModelMessageError: Error, Sendable, Hashable, CustomStringConvertible {
    /// Where, as a JSON pointer.
    public let pointer: String
    /// What is wrong, without the value itself.
    public let message: String

    /// Both.
    public var description: String { "at '\(pointer)' \(message)" }
}

/// ```json
/// {"role": "assistant", "parts": [
///   {"type": "text", "text": "Let me look."},
///   {"type": "tool_call", "id": "call_1", "name": "find", "arguments": {"word": "lark"}},
///   {"type": "reasoning", "wire": "anthropic", "data": {…}}]}
/// {"role": "tool", "parts": [{"type": "tool_result", "call_id": "call_1", "name": "find", "text": "…"}]}
/// ```
extension ModelMessage: JSONWritable {
    /// Writes the form above; `init(json:)` reads it back as an equal message, if its JSON has no white space.
    public func write(to json: inout JSONWriter) {
        json.object {
            $0.member("role", role.rawValue)
            $0.member("parts") { $0.array { for part in parts { $0.value(part) } } }
        }
    }

    /// Reads what `write(to:)` wrote.
    public init(json: JSONElement) throws(ModelMessageError) {
        guard let role = json["role"]?.string.flatMap(Role.init) else {
            throw ModelMessageError(pointer: "/role", message: "is not user, assistant or tool")
        }
        guard let list = json["parts"], list.kind == .array else {
            throw ModelMessageError(pointer: "/parts", message: "is not an array")
        }
        self.init(role, [])
        for (index, element) in list.elements.enumerated() {
            parts.append(try ModelPart(json: element, at: "/parts/\(index)"))
        }
    }
}

extension ModelPart: JSONWritable {
    /// Writes the part as it stands in a message.
    public func write(to json: inout JSONWriter) {
        json.object {
            switch self {
            case .text(let text):
                $0.member("type", "text")
                $0.member("text", text)
            case .toolCall(let call):
                $0.member("type", "tool_call")
                $0.member("id", call.id)
                $0.member("name", call.name)
                $0.member("arguments", call.arguments)
                if let defect = call.defect { $0.member("defect", defect) }
                if let text = call.text { $0.member("text", text) }
            case .toolResult(let result):
                $0.member("type", "tool_result")
                $0.member("call_id", result.callID)
                $0.member("name", result.name)
                $0.member("text", result.text)
                if result.isError { $0.member("is_error", true) }
            case .reasoning(let reasoning):
                $0.member("type", "reasoning")
                $0.member("wire", reasoning.wire)
                $0.member("data", reasoning.data)
            }
        }
    }

    init(json: JSONElement, at pointer: String) throws(ModelMessageError) {
        func text(_ name: String) throws(ModelMessageError) -> String {
            guard let text = json[name]?.string else {
                throw ModelMessageError(pointer: "\(pointer)/\(name)", message: "is not a string")
            }
            return text
        }
        switch json["type"]?.string {
        case "text": self = .text(try text("text"))
        case "tool_call":
            guard let arguments = json["arguments"], arguments.kind == .object else {
                throw ModelMessageError(pointer: "\(pointer)/arguments", message: "is not an object")
            }
            self = .toolCall(
                ModelToolCall(
                    id: try text("id"),
                    name: try text("name"),
                    arguments: arguments.raw,
                    defect: json["defect"]?.string,
                    text: json["text"]?.string
                )
            )
        case "tool_result":
            self = .toolResult(
                ModelToolResult(
                    callID: try text("call_id"),
                    name: try text("name"),
                    text: try text("text"),
                    isError: json["is_error"]?.bool ?? false
                )
            )
        case "reasoning":
            guard let data = json["data"] else {
                throw ModelMessageError(pointer: "\(pointer)/data", message: "is missing")
            }
            self = .reasoning(ModelReasoning(wire: try text("wire"), data: data.raw))
        default: throw ModelMessageError(pointer: "\(pointer)/type", message: "is not a part's type")
        }
    }
}
