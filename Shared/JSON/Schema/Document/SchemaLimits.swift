/// What a schema from outside may cost.
public struct SchemaLimits: Sendable {
    /// Bytes of its text without white space.
    public var bytes = 256 << 10
    /// Schemas inside of schemas.
    public var depth = 64
    /// Schemas in all.
    public var subschemas = 5_000
    /// Steps of checking one value: a schema that is applied, a member or an element that is looked at, sixteen bytes that
    /// are compared, or as many states of an expression.
    public var steps = 2_000_000
    /// Schemas that are applied within one another while a value is checked.
    public var nesting = 400

    /// The usual ones.
    public init() {}
}
