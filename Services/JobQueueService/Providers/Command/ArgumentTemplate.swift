import JSON

/// A piece of text with places for params: `--speed={speed}`. Doubled braces stand for themselves.
///
/// Whatever a param says, it fills its place within one argument: it cannot add an argument, and it cannot turn
/// its argument into an option.
struct ArgumentTemplate: Sendable {
    /// Why a template or a value is refused.
    struct Mistake: JSONMistake {
        let pointer = ""
        let message: String
    }

    private enum Piece: Sendable {
        case text(String)
        case place(String)
    }

    private let pieces: [Piece]

    /// The params it names.
    var names: [String] {
        pieces.compactMap {
            if case .place(let name) = $0 { name } else { nil }
        }
    }

    init(_ text: String) throws(Mistake) {
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
    func filled(_ values: [String: String]) -> String? {
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

    /// The argument with all its places filled; `nil` when one has no value.
    ///
    /// - Throws: `Mistake` when it would become an option by what a param says.
    func argument(_ values: [String: String], mayBeginWithDash: Bool) throws(Mistake) -> String? {
        guard let text = filled(values) else { return nil }
        if !mayBeginWithDash, text.hasPrefix("-"), case .place(let name)? = pieces.first {
            throw Mistake(message: "the value of \(name) must not begin with a dash")
        }
        return text
    }
}

/// A whole argument list: single arguments that are always there, and groups that are left out when a param of theirs
/// is missing.
struct ArgumentList: Sendable {
    /// One argument, or several that stand or fall together.
    struct Group: Sendable {
        let templates: [ArgumentTemplate]
        let isOptional: Bool
    }

    private let groups: [Group]

    init(groups: [Group]) { self.groups = groups }

    /// A list written in code; inner arrays are optional groups.
    init(_ texts: [[String]]) throws(ArgumentTemplate.Mistake) {
        var groups: [Group] = []
        for group in texts {
            var templates: [ArgumentTemplate] = []
            for text in group { templates.append(try ArgumentTemplate(text)) }
            groups.append(Group(templates: templates, isOptional: templates.contains { !$0.names.isEmpty }))
        }
        self.groups = groups
    }

    /// The params that it names.
    var names: [String] { groups.flatMap { $0.templates.flatMap(\.names) } }

    /// The arguments for some params. Behind `--` nothing is an option, so anything may stand there.
    func filled(_ values: [String: String]) throws(ArgumentTemplate.Mistake) -> [String] {
        var arguments: [String] = []
        for group in groups {
            var filled: [String] = []
            for template in group.templates {
                let isBehindMark = arguments.contains("--") || filled.contains("--")
                guard let text = try template.argument(values, mayBeginWithDash: isBehindMark) else {
                    if group.isOptional { break }
                    throw ArgumentTemplate.Mistake(
                        message: "a value is missing: \(template.names.joined(separator: ", "))"
                    )
                }
                filled.append(text)
            }
            if filled.count == group.templates.count { arguments += filled }
        }
        return arguments
    }
}
