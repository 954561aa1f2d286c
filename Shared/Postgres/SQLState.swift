/// The five-character code by which Postgres says what went wrong.
public struct SQLState: RawRepresentable, Hashable, Sendable, CustomStringConvertible {
    /// The five characters.
    public let rawValue: String

    /// Takes the five characters.
    public init(rawValue: String) { self.rawValue = rawValue }

    /// A text holds what the database's encoding cannot, such as U+0000.
    public static let characterNotInRepertoire = SQLState(rawValue: "22021")
    /// Something was divided by zero.
    public static let divisionByZero = SQLState(rawValue: "22012")
    /// A NOT NULL column would have become NULL.
    public static let notNullViolation = SQLState(rawValue: "23502")
    /// A row that is referred to is missing, or would be.
    public static let foreignKeyViolation = SQLState(rawValue: "23503")
    /// A value that must be unique exists already.
    public static let uniqueViolation = SQLState(rawValue: "23505")
    /// A CHECK constraint refused the row.
    public static let checkViolation = SQLState(rawValue: "23514")
    /// An EXCLUDE constraint refused the row.
    public static let exclusionViolation = SQLState(rawValue: "23P01")
    /// The transaction is over after an earlier error; only ROLLBACK works.
    public static let inFailedTransaction = SQLState(rawValue: "25P02")
    /// A write in a read-only transaction.
    public static let readOnlyTransaction = SQLState(rawValue: "25006")
    /// A prepared statement is unknown to the session.
    public static let invalidStatementName = SQLState(rawValue: "26000")
    /// Concurrent transactions could not be put in an order; running this one again may help.
    public static let serializationFailure = SQLState(rawValue: "40001")
    /// Transactions waited for each other and this one was chosen to end.
    public static let deadlockDetected = SQLState(rawValue: "40P01")
    /// The text of the statement is wrong.
    public static let syntaxError = SQLState(rawValue: "42601")
    /// A table does not exist.
    public static let undefinedTable = SQLState(rawValue: "42P01")
    /// A column does not exist.
    public static let undefinedColumn = SQLState(rawValue: "42703")
    /// The role may not do this.
    public static let insufficientPrivilege = SQLState(rawValue: "42501")
    /// A lock was not to be had at once or in time.
    public static let lockNotAvailable = SQLState(rawValue: "55P03")
    /// The statement was cancelled, by request or by a timeout of the server.
    public static let queryCanceled = SQLState(rawValue: "57014")
    /// The session was ended by an administrator or an orderly stop.
    public static let adminShutdown = SQLState(rawValue: "57P01")
    /// The server crashed in another session and ended this one.
    public static let crashShutdown = SQLState(rawValue: "57P02")
    /// The server is starting or stopping.
    public static let cannotConnectNow = SQLState(rawValue: "57P03")
    /// The server has no free connection slots.
    public static let tooManyConnections = SQLState(rawValue: "53300")
    /// Something the server does not support.
    public static let featureNotSupported = SQLState(rawValue: "0A000")

    /// Whether the session ended with this error: class 08 and the shutdown codes.
    var endsConnection: Bool {
        rawValue.hasPrefix("08") || [.adminShutdown, .crashShutdown, .cannotConnectNow].contains(self)
    }

    /// Whether the server certainly did nothing and may do it at another try.
    var isTransient: Bool {
        [.serializationFailure, .deadlockDetected, .lockNotAvailable, .tooManyConnections, .cannotConnectNow]
            .contains(self)
    }

    /// Whether the server refuses the values that it was sent: classes 22 and 23. They would be refused again.
    public var concernsValues: Bool { rawValue.hasPrefix("22") || rawValue.hasPrefix("23") }

    /// The five characters.
    public var description: String { rawValue }
}
