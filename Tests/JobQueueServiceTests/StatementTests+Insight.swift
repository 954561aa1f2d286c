import Contracts
import Kernel
import Messaging
import Postgres
import TestSupport

@testable import JobQueueService

extension StatementTests {
    /// The statements that count, explain, check and delete.
    static func insightStatements() -> [StatementCatalogue.Entry] {
        let ids = IdentifierSource()
        let present = StatsStatements.PresentJobs(project: nil, queue: "", kind: "", status: "queued", count: 1)
        return [
            ("counts", StatsStatements.counts(project: ids.next(), queue: "", kind: "")),
            ("count base", StatsStatements.base), ("horizon", StatsStatements.horizon),
            ("fold", StatsStatements.fold(after: .start, below: TransactionID(rawValue: 1), atMost: 1)),
            ("allow long", StatsStatements.allowLong), ("present", StatsStatements.present),
            ("clear counts", StatsStatements.clear),
            ("begin counts", StatsStatements.begin([present], snapshot: "1:1:")),
            ("carry", StatsStatements.carry(olderThan: ids.uuid())), ("drop carried", StatsStatements.dropCarried),
            ("drop starts", StatsStatements.dropStarts), ("drop zeroes", StatsStatements.dropZeroes),
        ]
    }
}
