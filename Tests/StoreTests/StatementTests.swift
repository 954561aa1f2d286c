import Contracts
import Kernel
import Postgres
import Telemetry
import TestSupport
import Testing

@testable import Store

/// Plans every statement over API keys and idempotency keys, which Edge uses too.
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
        let ids = IdentifierSource()
        let (key, project): (APIKeyID, ProjectID) = (ids.next(), ids.next())
        return [
            (
                "create",
                APIKeyStatements.create(
                    key,
                    name: "n",
                    tokenHash: [1],
                    scopes: ["work"],
                    project: project,
                    lifetime: .seconds(1)
                )
            ),
            ("live", APIKeyStatements.live(tokenHash: [1])), ("list", APIKeyStatements.list(after: key, limit: 1)),
            ("revoke", APIKeyStatements.revoke(key)), ("ended", APIKeyStatements.ended([key])),
            ("claim", IdempotencyStatements.claim("c", "k", requestHash: [1])),
            ("answer", IdempotencyStatements.answer("c", "k", status: 201, response: [1])),
            ("find", IdempotencyStatements.find("c", "k")), ("forget", IdempotencyStatements.forget(atMost: 1)),
        ]
    }
}
