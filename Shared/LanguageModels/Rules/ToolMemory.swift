import JSON

/// The latest result of each tool, for places `${tool.path.to.member}` in what follows.
struct ToolMemory: Sendable {
    private var results: [String: JSONElement] = [:]

    init(_ messages: [ModelMessage]) {
        for case .toolResult(let result) in messages.flatMap(\.parts) {
            do {
                results[result.name] = try JSONDocument(parsing: result.text).root
            } catch {
                // A text that is not JSON is a string, which has no members.
                results[result.name] = ToolMemory.string(result.text)
            }
        }
    }

    /// A JSON text with its places filled, or the text itself if it is not JSON. A string that is nothing but one place
    /// becomes the member itself, of whatever type; a place that leads nowhere stays as it is, for all to see.
    func filled(_ text: String) -> String {
        guard text.contains("${") else { return text }
        do {
            let root = try JSONDocument(parsing: text).root
            return String(decoding: JSONWriter.bytes { write(root, &$0) }, as: UTF8.self)
        } catch {
            return text
        }
    }

    private func write(_ json: JSONElement, _ writer: inout JSONWriter) {
        switch json.kind {
        case .object:
            writer.object { for member in json.members { $0.member(member.name) { write(member.value, &$0) } } }
        case .array: writer.array { for element in json.elements { write(element, &$0) } }
        case .string:
            let text = json.string ?? ""
            if text.hasPrefix("${"), text.firstIndex(of: "}") == text.indices.last,
                let value = value(String(text.dropFirst(2).dropLast()))
            {
                writer.value(value)
            } else {
                writer.value(replacing(in: text))
            }
        default: writer.value(json)
        }
    }

    private func replacing(in text: String) -> String {
        var filled = ""
        var rest = text[...]
        while let start = rest.firstRange(of: "${"), let end = rest[start.upperBound...].firstIndex(of: "}") {
            let after = rest.index(after: end)
            filled += rest[..<start.lowerBound]
            if let value = value(String(rest[start.upperBound..<end])) {
                filled += value.string ?? String(decoding: value.raw.bytes, as: UTF8.self)
            } else {
                filled += rest[start.lowerBound..<after]
            }
            rest = rest[after...]
        }
        return filled + rest
    }

    /// The member that a place names. Names of tools may have dots: the longest that fits is meant.
    private func value(_ place: String) -> JSONElement? {
        let tools = results.keys.filter { place == $0 || place.hasPrefix($0 + ".") }
        guard let tool = tools.max(by: { $0.utf8.count < $1.utf8.count }), var value = results[tool] else { return nil }
        for step in place.dropFirst(tool.count).split(separator: ".") {
            let next =
                value.kind == .array
                ? Int(step).flatMap { index in index < 0 ? nil : value.elements.dropFirst(index).first { _ in true } }
                : value[String(step)]
            guard let next else { return nil }
            value = next
        }
        return value
    }

    private static func string(_ text: String) -> JSONElement {
        do {
            return try JSONDocument(parsing: JSONWriter.bytes { $0.value(text) }).root
        } catch {
            return .null
        }
    }
}
