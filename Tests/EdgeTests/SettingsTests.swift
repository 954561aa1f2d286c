import Contracts
import Crypto
import Kernel
import Settings
import Store
import Testing

@testable import Edge

@Suite struct ServiceSettingsTests {
    static let secret = "a secret of at least thirty-two bytes"

    func settings(_ environment: [String: String]) -> (ServiceSettings, [String]) {
        var reader = SettingsReader(environment: ["DATABASE_URL": "postgres://x"].merging(environment) { $1 })
        let settings = ServiceSettings(&reader, service: "test", port: 9)
        return (settings, reader.problems)
    }

    @Test func `development has a token and defaults, production has neither`() {
        let (development, problems) = settings([:])
        #expect(problems == [])
        #expect(development.access.developmentToken?.reveal() == "dev-token")
        let (production, wanted) = settings(["ENVIRONMENT": "production"])
        #expect(production.access.developmentToken == nil)
        #expect(wanted.map { $0.prefix { $0 != " " } } == ["BROKER_URL", "CALLBACK_SECRET"])
        let (_, refused) = settings([
            "ENVIRONMENT": "production", "BROKER_URL": "amqp://x", "CALLBACK_SECRET": "s", "MARTLET_DEV_TOKEN": "x",
        ])
        #expect(refused == ["MARTLET_DEV_TOKEN must not be set in production"])
    }

    @Test func `tokens need an issuer and an audience`() {
        let (_, problems) = settings(["JWT_SECRET": ServiceSettingsTests.secret])
        #expect(problems == ["JWT_ISSUER and JWT_AUDIENCE must be set where tokens are accepted"])
    }

    @Test func `a good token speaks for its subject, and every bad one is refused with its reason`() async throws {
        let (settings, problems) = settings([
            "JWT_SECRET": ServiceSettingsTests.secret, "JWT_ISSUER": "me", "JWT_AUDIENCE": "martlet",
        ])
        #expect(problems == [])
        let now = Timestamp(microseconds: 1_000_000_000_000)
        let authenticator = Authenticator(
            keys: nil,
            tokens: settings.access.tokens,
            developmentToken: nil,
            clock: WallClock { now }
        )
        let key = try SigningKey.secret(Secret(Array(ServiceSettingsTests.secret.utf8)))
        let project = "019ca8ba-0000-7000-8000-000000000001"
        func token(_ change: (inout JWTClaims) -> Void = { _ in }) throws -> Secret<String> {
            var claims = JWTClaims(
                issuer: "me",
                subject: "ann",
                audience: ["martlet"],
                expiresAt: now + .seconds(60),
                scopes: ["jobs:read", "unknown"],
                project: project
            )
            change(&claims)
            return Secret(try JWT.sign(claims, with: key))
        }
        let principal = try await authenticator.principal(token: token())
        #expect(principal.name == "user:ann")
        #expect(principal.scopes == [.jobsRead])
        #expect(principal.project?.description == project)
        #expect(principal.contexts == nil)
        let narrow = try await authenticator.principal(token: token { $0.contexts = ["card:*", "queue:a"] })
        #expect(narrow.contexts?.map(\.description) == ["card:*", "queue:a"])
        let none = try await authenticator.principal(token: token { $0.contexts = [] })
        #expect(none.contexts == [])
        let bad: [Secret<String>] = [
            try token { $0.contexts = ["card:*", "everything"] },
            try token { $0.contexts = Array(repeating: "card:*", count: 101) },
            try token { $0.expiresAt = now + .seconds(-60) }, try token { $0.issuer = "other" },
            try token { $0.audience = ["other"] }, try token { $0.subject = nil }, try token { $0.project = "x" },
            try token { $0.notBefore = now + .seconds(600) }, Secret("eyJhbGciOiJub25lIn0.eyJzdWIiOiJhIn0."),
            Secret("a.b.c"),
            Secret(try token().reveal() + "x"), Secret(""), Secret("dev-token"),
        ]
        for token in bad {
            await #expect { try await authenticator.principal(token: token) } throws: { error in
                (error as? ServiceError)?.code == .unauthenticated
            }
        }
    }

    @Test(arguments: [
        ("application/json", true), ("*/*", true), ("application/*;q=0.5", true), ("text/html, application/json", true),
        ("text/html", false), ("application/json;q=0", false), ("application/jsonx", false), ("", false),
    ])
    func `Accept is understood`(header: String, accepted: Bool) {
        #expect(MediaType.accepts(header, "application/json") == accepted)
    }
}
