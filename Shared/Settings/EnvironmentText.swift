/// A text in which `${NAME}` stands for a variable of the environment: how files take secrets without holding them.
public struct EnvironmentText: Sendable, Hashable {
    /// A variable that is not set, or empty.
    public struct MissingVariable: Error, Sendable, Hashable {
        /// Its name.
        public let name: String
    }

    private let text: String

    /// A text with places.
    public init(_ text: String) { self.text = text }

    /// The names that stand in it.
    public var names: Set<String> {
        Set(text.split(separator: "${").dropFirst().map { String($0.prefix { $0 != "}" }) })
    }

    /// The text with each place filled from `variables`.
    public func filled(from variables: [String: String]) throws(MissingVariable) -> String {
        var filled = ""
        var rest = text[...]
        while let start = rest.firstRange(of: "${") {
            guard let end = rest[start.upperBound...].firstIndex(of: "}") else { break }
            let name = String(rest[start.upperBound..<end])
            guard let value = variables[name], !value.isEmpty else { throw MissingVariable(name: name) }
            filled += rest[..<start.lowerBound] + value
            rest = rest[rest.index(after: end)...]
        }
        return filled + rest
    }
}
