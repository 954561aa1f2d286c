/// Why a schema cannot be used.
public struct JSONSchemaError: Error, CustomStringConvertible {
    /// Where in the schema, as a JSON pointer.
    public let pointer: String
    /// What is wrong there.
    public let message: String

    /// Place and reason.
    public var description: String { "schema at '\(pointer)' \(message)" }

    func under(_ prefix: String) -> JSONSchemaError { JSONSchemaError(pointer: prefix + pointer, message: message) }
}
