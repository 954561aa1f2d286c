/// What a command may be told: decodes its arguments and writes its help, so the two cannot disagree.
struct CommandSyntax: Sendable {
    /// How many words without dashes it takes.
    let operands: ClosedRange<Int>
    let name: String
    /// The words it takes, as help shows them.
    let usage: String
    let summary: String
    let options: [OptionSyntax]

    /// Options of every command.
    static let common: [OptionSyntax] = [
        .flag("json", "write JSON, one value a line"), .flag("help", "show this"),
    ]

    init(
        _ name: String,
        _ usage: String = "",
        _ summary: String,
        operands: ClosedRange<Int> = 0...0,
        options: [OptionSyntax] = []
    ) {
        self.name = name
        self.usage = usage
        self.summary = summary
        self.operands = operands
        self.options = options + CommandSyntax.common
    }

    /// The text of `--help`.
    var help: String {
        let left = options.map { "  --\($0.name)\($0.value.map { " \($0)" } ?? "")" }
        let width = left.map(\.count).max() ?? 0
        let lines = zip(left, options)
            .map { left, option in
                left + String(repeating: " ", count: width - left.count + 2) + option.help
                    + (option.isRepeatable ? " (may be repeated)" : "")
            }
        return "usage: \(line)\n\n\(summary)\n\n\(lines.joined(separator: "\n"))\n"
    }

    /// The usage in one line.
    var line: String { "martlet \(name)\(usage.isEmpty ? "" : " \(usage)") [options]" }
}
