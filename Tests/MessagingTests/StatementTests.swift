import Contracts
import JSON
import Kernel
import Postgres
import Store
import Telemetry
import TestSupport
import Testing

@testable import Messaging

/// Plans every statement of the event log, its leases and its inbox.
@Suite(.timeLimit(.minutes(1))) struct StatementTests {
    @Test func `every statement can be planned`() async throws {
        let defects = try await StatementCatalogue.defects {
            try await Schema.migrate($0, logger: .silent)
        } in: { _ in
            StatementTests.statements()
        }
        #expect(defects == [])
    }

    static func statements() -> [StatementCatalogue.Entry] {
        let id = IdentifierSource().uuid()
        let place = LogPlace.start
        let jobs: SQL = "WITH changed AS (SELECT job FROM jobs.jobs AS job)"
        return [
            ("append", FeedFixture.statement("e", id)),
            ("append statuses", "\(jobs) \(EventLog.appendStatuses(ofJobsIn: "changed"))"),
            ("append progress", "\(jobs) \(EventLog.appendProgress(ofJobsIn: "changed"))"),
            ("epoch", EventLog.epoch), ("settled", EventLog.settled(after: place, atMost: 1)),
            ("settled end", EventLog.settledEnd), ("oldest", EventLog.oldest), ("announce", EventLog.announce("")),
            ("of context", EventLog.ofContext("card_id = \(id)", after: place, upTo: place, atMost: 1)),
            ("of subject", EventLog.ofSubject(id, type: .jobStatusUpdated, afterSeq: 1, atMost: 1)),
            ("event", EventLog.event("e", of: id)),
            ("claim", Inbox.claim("e", for: "c")), ("claim all", Inbox.claim(["e"], for: "c")),
            ("acquire", LeaseStatements.acquire("l", holder: id, term: .seconds(1))),
            ("release", LeaseStatements.release("l", holder: id)), ("read cursor", LeaseStatements.readCursor("c")),
            ("move cursor", LeaseStatements.moveCursor("c", epoch: "e", to: place, fence: 1, lease: "l")),
        ]
    }
}
