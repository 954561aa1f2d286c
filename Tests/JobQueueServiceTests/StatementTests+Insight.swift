import Contracts
import JSON
import Kernel
import Messaging
import Postgres
import TestSupport

@testable import JobQueueService

extension StatementTests {
    /// The statements that count, explain, check and delete.
    static func insightStatements() throws -> [StatementCatalogue.Entry] {
        let ids = IdentifierSource()
        let present = StatsStatements.PresentJobs(project: nil, queue: "", kind: "", status: "queued", count: 1)
        let (now, defaults) = (ids.uuid(), RetentionPeriods())
        let job = Job(
            try JobSubmission(JSONDocument(parsing: #"{"params":{}}"#).root),
            id: ids.next(),
            place: nil,
            at: WallClock.system.now()
        )
        return [
            ("vacuum holder", VacuumStatements.holder(longerThan: .seconds(1), transactions: 1)),
            ("dead rows", VacuumStatements.deadRows),
            ("audit page", AuditStatements.page(before: now, limit: 1)),
            ("audit places", AuditStatements.places(from: now, to: now)),
            ("audit histories", AuditStatements.histories(from: now, to: now, keptDays: 7)),
            ("audit whole", AuditStatements.whole),
            ("facts", ReasonStatements.facts(job.id)), ("open parents", ReasonStatements.open([job.id], limit: 1)),
            ("workers for", ReasonStatements.workers(for: job)),
            ("ahead", ReasonStatements.ahead(of: job.id, limit: 1)),
            ("recent starts", ReasonStatements.recentStarts("")),
            ("place", StatsStatements.place),
            ("counts", StatsStatements.counts(behind: .start, project: ids.next(), queue: "", kind: "")),
            ("count base", StatsStatements.base), ("horizon", StatsStatements.horizon),
            ("fold", StatsStatements.fold(after: .start, below: TransactionID(rawValue: 1), atMost: 1)),
            ("allow long", StatsStatements.allowLong), ("present", StatsStatements.present),
            ("clear counts", StatsStatements.clear),
            ("begin counts", StatsStatements.begin([present], snapshot: "1:1:")),
            ("carry", StatsStatements.carry(olderThan: ids.uuid())), ("drop carried", StatsStatements.dropCarried),
            ("find retention", RetentionStatements.find("")), ("all retention", RetentionStatements.all),
            ("store retention", RetentionStatements.store(defaults, of: "")),
            ("remove jobs", RetentionStatements.remove(after: now, before: now, defaults: defaults, atMost: 1)),
            ("loose", RetentionStatements.loose(atMost: 1)), ("forget loose", RetentionStatements.forgetLoose([[1]])),
            ("postpone loose", RetentionStatements.postponeLoose([[1]])),
            ("drop starts", StatsStatements.dropStarts), ("drop zeroes", StatsStatements.dropZeroes),
        ]
    }
}
