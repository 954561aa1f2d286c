/// Why a schema cannot be used.
public struct JSONSchemaError: Error, Equatable, CustomStringConvertible {
    /// What kind of reason.
    public enum Reason: String, Sendable {
        /// A keyword has a value that it cannot have.
        case notASchema = "not_a_schema"
        /// It is written for another dialect, in which it means something else.
        case dialect
        /// It is longer than schemas may be.
        case tooLarge = "too_large"
        /// Its schemas stand deeper in one another than they may.
        case tooDeep = "too_deep"
        /// It holds more schemas than it may.
        case tooManySubschemas = "too_many_subschemas"
        /// It refers to what is not in it. Nothing is ever fetched.
        case unresolvedReference = "unresolved_reference"
        /// It refers to itself before it has looked at anything, and so would never end.
        case referenceCycle = "reference_cycle"
        /// An expression cannot be compiled, or is too large, or is of a kind whose time nothing bounds.
        case pattern
    }

    /// What kind of reason.
    public let reason: Reason
    /// Where in the schema, as a JSON pointer.
    public let pointer: String
    /// What is wrong there.
    public let message: String

    init(_ reason: Reason = .notASchema, pointer: String = "", message: String) {
        self.reason = reason
        self.pointer = pointer
        self.message = message
    }

    /// Place and reason.
    public var description: String { "schema at '\(pointer)' \(message)" }

    func under(_ prefix: String) -> JSONSchemaError {
        JSONSchemaError(reason, pointer: prefix + pointer, message: message)
    }
}
