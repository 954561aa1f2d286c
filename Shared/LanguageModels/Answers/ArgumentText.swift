import JSON

/// The arguments of a call while they come.
struct ArgumentText: Sendable {
    private(set) var text: [UInt8] = []
    private var depth = 0
    private var isInString = false
    private var isEscaped = false
    /// Whether an object has begun and ended. Says nothing of what stands in it.
    private(set) var isComplete = false

    init(_ text: String = "") { append(text) }

    mutating func append(_ piece: String) {
        text += piece.utf8
        guard !isComplete else { return }
        for byte in piece.utf8 where !isComplete { follow(byte) }
    }

    private mutating func follow(_ byte: UInt8) {
        if isInString {
            if isEscaped {
                isEscaped = false
            } else if byte == UInt8(ascii: "\\") {
                isEscaped = true
            } else if byte == UInt8(ascii: "\"") {
                isInString = false
            }
            return
        }
        switch byte {
        case UInt8(ascii: "\""): isInString = true
        case UInt8(ascii: "{"), UInt8(ascii: "["): depth += 1
        case UInt8(ascii: "}"), UInt8(ascii: "]"):
            depth -= 1
            isComplete = depth == 0
        default: break
        }
    }

    static func beginsObject(_ text: String) -> Bool {
        text.utf8.first { !isSpace($0) } == UInt8(ascii: "{")
    }

    /// The call that these are the arguments of.
    func call(id: String, name: String) -> ModelToolCall {
        func broken(_ defect: String) -> ModelToolCall {
            ModelToolCall(
                id: id,
                name: name,
                arguments: .emptyObject,
                defect: defect,
                text: String(decoding: text, as: UTF8.self)
            )
        }
        if name.isEmpty { return broken("the call names no tool") }
        let isNone = text.allSatisfy(ArgumentText.isSpace) || text.elementsEqual("null".utf8)
        if isNone { return ModelToolCall(id: id, name: name, arguments: .emptyObject) }
        do {
            let root = try JSONDocument(parsing: text).root
            guard root.kind == .object else { return broken("the arguments are no JSON object") }
            return ModelToolCall(id: id, name: name, arguments: root.raw)
        } catch {
            return broken("the arguments are not JSON: \(error)")
        }
    }

    private static func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || (0x09...0x0D).contains(byte) }
}
