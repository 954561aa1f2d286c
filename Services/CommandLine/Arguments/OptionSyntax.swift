/// An option that a command knows.
struct OptionSyntax: Sendable {
    /// Its name without dashes.
    let name: String
    /// What its value is called in help; `nil` for a switch.
    let value: String?
    /// What it does.
    let help: String
    /// Whether it may stand there more than once.
    let isRepeatable: Bool

    /// An option with a value.
    static func value(_ name: String, _ value: String, _ help: String, repeatable: Bool = false) -> OptionSyntax {
        OptionSyntax(name: name, value: value, help: help, isRepeatable: repeatable)
    }

    /// An option that is there or not.
    static func flag(_ name: String, _ help: String) -> OptionSyntax {
        OptionSyntax(name: name, value: nil, help: help, isRepeatable: false)
    }
}
