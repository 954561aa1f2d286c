/// A statement with its values. In a literal, each `\(value)` becomes a bind parameter, never text:
///
/// ```swift
/// try await pool.query("SELECT id, kind FROM jobs WHERE queue = \(queue) AND state = \(JobState.ready)")
/// ```
///
/// Statements can be parts of others (`\(condition)`, where `condition` is an `SQL`); their parameters are
/// renumbered. `\(unchecked: text)` splices text, and is for names and keywords that the program itself chose.
public struct SQL: Sendable, ExpressibleByStringInterpolation {
    /// The text, with a NUL where a parameter stands: no statement can contain one otherwise.
    private(set) var template: String
    private(set) var parameters: ParameterBuffer

    /// A statement without parameters.
    public init(stringLiteral text: String) {
        precondition(!text.utf8.contains(0), "a statement contains NUL")
        template = text
        parameters = ParameterBuffer()
    }

    /// The interpolated statement.
    public init(stringInterpolation: StringInterpolation) {
        template = stringInterpolation.template
        parameters = stringInterpolation.parameters
    }

    /// A statement of text that is not a literal. The caller vouches for it.
    public init(unchecked text: String) { self.init(stringLiteral: text) }

    /// Joins statements by a separator: conditions by `" AND "`, for example.
    public init(joining parts: [SQL], by separator: SQL) {
        var interpolation = StringInterpolation(literalCapacity: 64, interpolationCount: parts.count)
        for (index, part) in parts.enumerated() {
            if index > 0 { interpolation.appendInterpolation(separator) }
            interpolation.appendInterpolation(part)
        }
        self.init(stringInterpolation: interpolation)
    }

    /// The text as the server reads it, with `$1`, `$2`, … for the parameters.
    var text: String {
        var text: [UInt8] = []
        text.reserveCapacity(template.utf8.count + 8)
        var number = 0
        for byte in template.utf8 {
            if byte == 0 {
                number += 1
                text.append(UInt8(ascii: "$"))
                text += String(number).utf8
            } else {
                text.append(byte)
            }
        }
        return String(decoding: text, as: UTF8.self)
    }

    /// Collects a literal's text and values.
    public struct StringInterpolation: StringInterpolationProtocol {
        var template = ""
        var parameters = ParameterBuffer()

        /// An empty statement.
        public init(literalCapacity: Int, interpolationCount: Int) {
            template.reserveCapacity(literalCapacity + interpolationCount)
        }

        /// Adds text of the literal.
        public mutating func appendLiteral(_ literal: String) {
            precondition(!literal.utf8.contains(0), "a statement contains NUL")
            template += literal
        }

        /// Adds a bind parameter.
        public mutating func appendInterpolation(_ value: some PostgresEncodable) {
            template += "\0"
            parameters.append(value)
        }

        /// Adds a bind parameter that may be NULL.
        public mutating func appendInterpolation<Value: PostgresEncodable>(_ value: Value?) {
            template += "\0"
            parameters.append(value)
        }

        /// Adds another statement with its parameters.
        public mutating func appendInterpolation(_ part: SQL) {
            template += part.template
            parameters.append(part.parameters)
        }

        /// Adds text as it is. The caller vouches for it.
        public mutating func appendInterpolation(unchecked text: String) { appendLiteral(text) }
    }
}

extension SQL: CustomStringConvertible {
    /// The number of parameters only: neither text nor values belong into logs.
    public var description: String { "statement with \(parameters.parameters.count) parameters" }
}
