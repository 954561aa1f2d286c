/// What is wrong with an expression, and where.
public struct CronError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The field, as in `minute`; `nil` when it is about the whole expression.
    public let field: String?
    /// The character that the mistake begins at, counted from 1.
    public let position: Int
    /// What is wrong, without the text itself.
    public let message: String

    init(_ message: String, _ field: CronField? = nil, at offset: Int = 0) {
        self.field = field?.rawValue
        position = offset + 1
        self.message = message
    }

    /// `minute, at character 3: must be from 0 to 59`.
    public var description: String {
        guard let field else { return message }
        return "\(field), at character \(position): \(message)"
    }
}
