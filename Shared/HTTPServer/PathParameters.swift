/// The values that a path had in the places of its pattern's `{names}`, percent-decoded.
public struct PathParameters: Sendable {
    let names: [String]
    let values: [String]

    /// No parameters.
    public init() {
        names = []
        values = []
    }

    /// Parameters by name, for calls that did not come by HTTP.
    package init(names: [String], values: [String]) {
        self.names = names
        self.values = values
    }

    /// The value in the place of `{name}`; `nil` when the pattern has no such place.
    public subscript(_ name: String) -> String? { names.firstIndex(of: name).map { values[$0] } }
}
