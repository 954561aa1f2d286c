public import JSON

/// A piece of text with places for values: `--speed={speed}`, `/items/{id}`. Doubled braces stand for themselves.
public struct TextTemplate: Sendable {
    /// Why a template or a value is refused.
    public struct Mistake: JSONMistake {
        /// The whole text.
        public let pointer = ""
        /// What is wrong with it.
        public let message: String

        /// A mistake.
        public init(message: String) { self.message = message }
    }

    private enum Piece: Sendable {
        case text(String)
        case place(String)
    }

    private let pieces: [Piece]

    /// The names of its places.
    public var names: [String] {
        pieces.compactMap {
            if case .place(let name) = $0 { name } else { nil }
        }
    }

    /// The place that it begins with, if it begins with one.
    public var firstPlace: String? {
        if case .place(let name)? = pieces.first { name } else { nil }
    }

    /// Reads a template.
    public init(_ text: String) throws(Mistake) {
        var pieces: [Piece] = []
        var literal = ""
        var rest = text[...]
        while let character = rest.popFirst() {
            switch character {
            case "{" where rest.first == "{", "}" where rest.first == "}":
                rest.removeFirst()
                literal.append(character)
            case "{":
                guard let end = rest.firstIndex(of: "}"), end > rest.startIndex else {
                    throw Mistake(message: "has a brace that does not enclose a name")
                }
                if !literal.isEmpty { pieces.append(.text(literal)) }
                literal = ""
                pieces.append(.place(String(rest[..<end])))
                rest = rest[rest.index(after: end)...]
            case "}": throw Mistake(message: "has a closing brace alone")
            default: literal.append(character)
            }
        }
        if !literal.isEmpty { pieces.append(.text(literal)) }
        self.pieces = pieces
    }

    /// The text with all its places filled; `nil` when one has no value.
    public func filled(_ values: [String: String]) -> String? {
        var text = ""
        for piece in pieces {
            switch piece {
            case .text(let literal): text += literal
            case .place(let name):
                guard let value = values[name] else { return nil }
                text += value
            }
        }
        return text
    }
}
