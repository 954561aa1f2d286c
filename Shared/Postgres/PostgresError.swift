/// What went wrong with a statement, a connection or the pool.
///
/// `description` is fit for logs and answers: it has codes and names of constraints and tables, never SQL,
/// parameters, rows or the server's own words, which may quote them. `debugDescription` has those words.
public struct PostgresError: Error, Sendable {
    /// Where the error comes from.
    public enum Kind: String, Sendable, Hashable {
        /// The server refused the statement: see `code`.
        case server
        /// No connection could be made in time.
        case unavailable
        /// All connections are in use and too many callers wait, or this one waited too long.
        case poolExhausted
        /// The pool or the transaction is closed.
        case closed
        /// The connection broke during the statement; whether it took effect is unknown.
        case connectionLost
        /// The connection broke during COMMIT; whether the transaction took effect is unknown.
        case commitUnknown
        /// The deadline passed and the statement was cancelled.
        case timedOut
        /// A column holds something else than what was asked for.
        case decoding
        /// The connection string or another setting is wrong.
        case invalidSettings
        /// The migrations and the database do not fit together.
        case migration
    }

    /// Where the error comes from.
    public let kind: Kind
    /// The server's code, when the server spoke.
    public let code: SQLState?
    /// What happened, in words that carry no data.
    public let message: String
    /// The constraint that refused the row, when one did.
    public let constraint: String?
    /// The table that was concerned, when the server says it.
    public let table: String?
    /// The server's or libpq's own words, which may quote data.
    let detail: String?
    /// The prepared statement no longer fits the tables or the session; nothing was executed.
    let isStaleStatement: Bool

    init(
        _ kind: Kind,
        _ message: String,
        code: SQLState? = nil,
        constraint: String? = nil,
        table: String? = nil,
        detail: String? = nil,
        isStaleStatement: Bool = false
    ) {
        self.kind = kind
        self.message = message
        self.code = code
        self.constraint = constraint
        self.table = table
        self.detail = detail
        self.isStaleStatement = isStaleStatement
    }

    /// Whether nothing has been changed and the whole transaction may succeed when it is run again.
    public var isRetriable: Bool {
        switch kind {
        case .server: isStaleStatement || (code?.isTransient ?? false)
        case .unavailable, .poolExhausted: true
        default: false
        }
    }

    /// Whether the connection is gone with this error.
    public var isConnectionLost: Bool {
        kind == .connectionLost || kind == .commitUnknown || (code?.endsConnection ?? false)
    }
}

extension PostgresError: CustomStringConvertible, CustomDebugStringConvertible {
    /// Kind, code and names; no data.
    public var description: String {
        var text = "postgres: \(message)"
        if let code { text += " [\(code)]" }
        if let table { text += " table \(table)" }
        if let constraint { text += " constraint \(constraint)" }
        return text
    }

    /// Also the server's own words, which may quote data: for developers, not for logs.
    public var debugDescription: String { detail.map { "\(description): \($0)" } ?? description }
}

extension PostgresError {
    static let closed = PostgresError(.closed, "the pool is closed")
    static let timedOut = PostgresError(.timedOut, "the statement took too long and was cancelled")

    static func connectionLost(_ detail: String) -> PostgresError {
        PostgresError(.connectionLost, "the connection was lost", detail: detail)
    }

    static func unavailable(_ detail: String?, code: SQLState? = nil) -> PostgresError {
        PostgresError(.unavailable, "no connection to the server", code: code, detail: detail)
    }

    static func decoding(_ message: String) -> PostgresError { PostgresError(.decoding, message) }

    static func decoding(_ error: CellError, column: String, as wanted: Any.Type) -> PostgresError {
        switch error {
        case .null: decoding("column \(column) is NULL and \(wanted) was asked for")
        case .type(let type): decoding("column \(column) has \(type) and \(wanted) was asked for")
        case .value: decoding("column \(column) has no value that \(wanted) can hold")
        }
    }
}
