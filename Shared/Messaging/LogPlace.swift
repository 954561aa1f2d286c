public import Contracts
public import Postgres

/// A place in the log without the name of its history.
public struct LogPlace: Hashable, Sendable, Comparable {
    /// The writing transaction.
    public let transaction: TransactionID
    /// The row.
    public let row: Int64

    /// A place from its parts.
    public init(transaction: TransactionID, row: Int64) {
        self.transaction = transaction
        self.row = row
    }

    /// The place that `position` names.
    public init(_ position: Position) {
        self.init(transaction: TransactionID(rawValue: position.transaction), row: position.row)
    }

    /// Before the first event.
    public static let start = LogPlace(transaction: TransactionID(rawValue: 0), row: 0)

    /// The place as subscribers see it.
    public func position(in epoch: String) -> Position {
        Position(epoch: epoch, transaction: transaction.rawValue, row: row)
    }

    /// Orders as the log is read.
    public static func < (left: LogPlace, right: LogPlace) -> Bool {
        left.transaction == right.transaction ? left.row < right.row : left.transaction < right.transaction
    }
}
