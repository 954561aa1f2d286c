import HTTPClient

extension TextTemplate {
    /// The argument with all its places filled; `nil` when one has no value.
    ///
    /// Whatever a param says, it fills its place within one argument: it cannot add an argument.
    /// - Throws: `Mistake` when it would become an option by what a param says.
    func argument(_ values: [String: String], mayBeginWithDash: Bool) throws(Mistake) -> String? {
        guard let text = filled(values) else { return nil }
        if !mayBeginWithDash, text.hasPrefix("-"), let name = firstPlace {
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
        let templates: [TextTemplate]
        let isOptional: Bool
    }

    private let groups: [Group]

    init(groups: [Group]) { self.groups = groups }

    /// A list written in code; inner arrays are optional groups.
    init(_ texts: [[String]]) throws(TextTemplate.Mistake) {
        var groups: [Group] = []
        for group in texts {
            var templates: [TextTemplate] = []
            for text in group { templates.append(try TextTemplate(text)) }
            groups.append(Group(templates: templates, isOptional: templates.contains { !$0.names.isEmpty }))
        }
        self.groups = groups
    }

    /// The params that it names.
    var names: [String] { groups.flatMap { $0.templates.flatMap(\.names) } }

    /// The arguments for some params. Behind `--` nothing is an option, so anything may stand there.
    func filled(_ values: [String: String]) throws(TextTemplate.Mistake) -> [String] {
        var arguments: [String] = []
        for group in groups {
            var filled: [String] = []
            for template in group.templates {
                let isBehindMark = arguments.contains("--") || filled.contains("--")
                guard let text = try template.argument(values, mayBeginWithDash: isBehindMark) else {
                    if group.isOptional { break }
                    throw TextTemplate.Mistake(
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
