import JSON

/// What a user's message tells `rules` to do.
///
/// ```
/// Let me look.                                    said
/// /card.find {"title": "Lark"}                    a call
/// ---                                             the next turn
/// /job.start {"card": "${card.find.cards.0.id}"}  with a member of a result
/// ---
/// = {"job": "${job.start.id}"}                    exactly this is the answer
/// ```
struct RulesScript: Sendable, Hashable {
    enum Line: Sendable, Hashable {
        case said(String)
        case call(tool: String, arguments: String)
        case answer(String)
    }

    /// One turn each; empty for a text that is no script.
    private(set) var stages: [[Line]] = []

    init(_ text: String) {
        var stages: [[Line]] = [[]]
        for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
            let line = line.trimming(while: \.isWhitespace)
            if line == "---" {
                stages.append([])
            } else if !line.isEmpty {
                stages[stages.count - 1].append(Line(line))
            }
        }
        let isScript = stages.joined()
            .contains { line in
                if case .said = line { false } else { true }
            }
        if isScript { self.stages = stages.filter { !$0.isEmpty } }
    }
}

extension RulesScript.Line {
    fileprivate init(_ line: Substring) {
        let rest = line.dropFirst()
        if line.first == "/", let first = rest.first, first.isLetter || first == "_" {
            let tool = rest.prefix { !$0.isWhitespace }
            let arguments = rest[tool.endIndex...].trimming(while: \.isWhitespace)
            self = .call(tool: String(tool), arguments: String(arguments))
        } else if line.first == "=", rest.first?.isWhitespace == true {
            self = .answer(String(rest.trimming(while: \.isWhitespace)))
        } else {
            self = .said(String(line))
        }
    }
}

extension Substring {
    fileprivate func trimming(while isOut: (Character) -> Bool) -> Substring {
        let start = drop(while: isOut)
        return start[..<(start.lastIndex { !isOut($0) }.map { start.index(after: $0) } ?? start.startIndex)]
    }
}
