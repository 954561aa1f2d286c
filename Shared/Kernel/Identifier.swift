/// An id that knows what it identifies: a `JobID` is never passed where a `CardID` is meant.
public struct Identifier<Subject>: Hashable, Sendable, Comparable, LosslessStringConvertible {
    /// The id itself.
    public let uuid: UUID

    /// Gives `uuid` its meaning.
    public init(_ uuid: UUID) { self.uuid = uuid }

    /// Parses the canonical UUID form.
    public init?(_ text: String) {
        guard let uuid = UUID(text) else { return nil }
        self.uuid = uuid
    }

    /// The canonical UUID form.
    public var description: String { uuid.description }

    /// Orders by creation.
    public static func < (left: Identifier, right: Identifier) -> Bool { left.uuid < right.uuid }
}
