/// The arguments of a command, sorted.
///
/// `--name value` and `--name=value` are the same; after `--` everything is an operand.
struct ParsedArguments: Sendable, Equatable {
    private(set) var operands: [String] = []
    private var values: [String: [String]] = [:]

    init(_ arguments: [String], _ syntax: CommandSyntax) throws(UsageError) {
        var rest = arguments[...]
        while let argument = rest.popFirst() {
            if argument == "--" {
                operands += rest
                break
            }
            guard argument.hasPrefix("-"), argument != "-" else {
                operands.append(argument)
                continue
            }
            let word = argument == "-h" ? "--help" : argument
            let parts = word.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard word.hasPrefix("--"), let option = syntax.options.first(where: { "--\($0.name)" == parts[0] }) else {
                throw UsageError(ParsedArguments.unknown(String(parts[0]), syntax))
            }
            let given: String? = parts.count == 2 ? String(parts[1]) : nil
            if values[option.name] != nil, !option.isRepeatable {
                throw UsageError("--\(option.name) stands there twice")
            }
            guard let name = option.value else {
                guard given == nil else { throw UsageError("--\(option.name) takes no value") }
                values[option.name] = [""]
                continue
            }
            guard let value = given ?? rest.popFirst() else { throw UsageError("--\(option.name) needs \(name)") }
            values[option.name, default: []].append(value)
        }
        if has("help") { return }
        guard syntax.operands.contains(operands.count) else {
            throw UsageError(
                operands.count < syntax.operands.lowerBound
                    ? "\(syntax.usage) is missing" : "too many words: \(operands[syntax.operands.upperBound])"
            )
        }
    }

    /// Whether an option is given.
    func has(_ name: String) -> Bool { values[name] != nil }
    /// The value of an option.
    func value(_ name: String) -> String? { values[name]?.first }
    /// All values of an option, in order.
    func all(_ name: String) -> [String] { values[name] ?? [] }

    /// The value of an option as a whole number.
    func int(_ name: String, in range: ClosedRange<Int>) throws(UsageError) -> Int? {
        guard let text = value(name) else { return nil }
        guard let number = Int(text), range.contains(number) else {
            throw UsageError("--\(name) must be a whole number from \(range.lowerBound) to \(range.upperBound)")
        }
        return number
    }

    private static func unknown(_ word: String, _ syntax: CommandSyntax) -> String {
        let wanted = word.drop { $0 == "-" }
        let near = syntax.options.first { $0.name.hasPrefix(wanted.prefix(3)) && !wanted.isEmpty }
        return "\(syntax.name) has no option \(word)" + (near.map { "; did you mean --\($0.name)?" } ?? "")
    }
}
