import Contracts
import JSON
import Kernel
import Postgres
import Store
import TestSupport
import Testing

@testable import NotificationService

/// Who may watch what, from where, how often, and for how long.
@Suite(.timeLimit(.minutes(3))) struct AuthorityTests {
    private func upgrade(_ fixture: NotificationFixture, _ path: String, _ headers: [String]) async throws -> (
        SocketClient, Int
    ) {
        let socket = try SocketClient.connect(fixture.port)
        return (socket, try await socket.upgrade(path, headers: headers))
    }

    private func answer(_ fixture: NotificationFixture, _ path: String, _ headers: [String]) async throws -> Int {
        try await upgrade(fixture, path, headers).1
    }

    @Test func `a revoked key ends its sockets and streams within seconds, and opens no more`() async throws {
        var options = NotificationFixture.Options()
        // Longer than the test: what is remembered of a revoked key must be forgotten.
        options.memory = .seconds(3600)
        try await NotificationFixture.run(options) { fixture in
            let store = APIKeyStore(fixture.pool)
            let (key, token) = try await store.create(name: "a", scopes: [.eventsRead], project: nil, lifetime: nil)
            let bystander = try await fixture.socket(token: try await fixture.key([.eventsRead]))
            let first = try await fixture.socket("/ws?context_id=queue:default", token: token.reveal())
            _ = try await first.next("snapshot")
            let ticket = try await fixture.send("POST", "/api/tickets", token: token.reveal()).json["ticket"]?.string
            let (second, status) = try await upgrade(fixture, "/ws?ticket=\(ticket ?? "")", [])
            #expect(status == 101)
            let stream = try SocketClient.connect(fixture.port)
            let bearer = "Authorization: Bearer \(token.reveal())"
            #expect(try await stream.get("/sse?context_id=queue:default", headers: [bearer]) == 200)
            _ = try await stream.readEvent()
            #expect(fixture.notification.attendance.count == 4)
            let begin = ContinuousClock.now
            #expect(try await store.revoke(key.id))
            for socket in [first, second] {
                let error = try await socket.next("error")
                #expect(error["code"]?.string == "UNAUTHENTICATED")
                #expect(try await socket.closing().code == 4001)
            }
            try await eventually("its stream has ended too") { fixture.notification.attendance.count == 1 }
            #expect(ContinuousClock.now - begin < .seconds(10))
            #expect(try await answer(fixture, "/ws", [bearer]) == 401)
            try await bystander.send(#"{"type":"ping"}"#)
            _ = try await bystander.next("pong")
        }
    }

    @Test func `a token that lists contexts opens no others, and neither does its ticket`() async throws {
        let card: CardID = IdentifierSource().next()
        var options = NotificationFixture.Options()
        options.verifier = { _, _ in
            Principal(
                name: "user:u",
                scopes: [.eventsRead],
                contexts: [ContextPattern("\(card)"), ContextPattern("queue:gpu-*")].compactMap { $0 }
            )
        }
        try await NotificationFixture.run(options) { fixture in
            let ticket = try await fixture.send("POST", "/api/tickets", token: "a.b").json["ticket"]?.string
            let other: CardID = IdentifierSource().next()
            for (path, headers) in [("/ws", ["Authorization: Bearer a.b"]), ("/ws?ticket=\(ticket ?? "")", [])] {
                let (socket, status) = try await upgrade(fixture, path, headers)
                #expect(status == 101)
                for context in ["\(other)", "queue:default", "all", "job:\(JobID(other.uuid))"] {
                    try await socket.send(#"{"type":"subscribe","contexts":[{"context_id":"\#(context)"}]}"#)
                    #expect(try await socket.next("error")["code"]?.string == "FORBIDDEN_CONTEXT", "\(context)")
                }
                for context in ["\(card)", "queue:gpu-1"] {
                    try await socket.send(#"{"type":"subscribe","contexts":[{"context_id":"\#(context)"}]}"#)
                    #expect(try await socket.next("subscribed")["context_id"]?.string == context)
                }
            }
            #expect(try await fixture.send("GET", "/poll?context_id=\(card)", token: "a.b").status == 200)
            #expect(try await fixture.send("GET", "/poll?context_id=\(other)", token: "a.b").status == 403)
        }
    }

    @Test func `a new token that allows less ends what it does not allow`() async throws {
        var options = NotificationFixture.Options()
        options.verifier = { token, _ in
            let patterns = token == "a.b" ? ["queue:*"] : ["queue:a"]
            return Principal(
                name: "user:u",
                scopes: [.eventsRead],
                contexts: patterns.compactMap { ContextPattern($0) }
            )
        }
        try await NotificationFixture.run(options) { fixture in
            let socket = try await fixture.socket("/ws?context_id=queue:a&context_id=queue:b", token: "a.b")
            for _ in 0..<2 { _ = try await socket.next("snapshot") }
            try await socket.send(#"{"type":"auth","token":"c.d"}"#)
            let error = try await socket.next("error")
            #expect(error["context_id"]?.string == "queue:b")
            #expect(error["action"]?.string == "drop_subscription")
            let contexts = try await fixture.send("GET", "/api/connections").json["items"]?.elements
                .map { $0["contexts"]?.elements.compactMap(\.string) ?? [] }
            #expect(contexts == [["queue:a"]])
            // And somebody else's is not taken at all.
            try await socket.send(#"{"type":"auth","id":"x","token":"dev-token"}"#)
            #expect(try await socket.next("error")["code"]?.string == "FORBIDDEN")
        }
    }

    @Test func `only pages of the list may open a socket`() async throws {
        var options = NotificationFixture.Options()
        options.environment = ["ALLOWED_ORIGINS": "https://app.example.com,http://localhost:3000"]
        try await NotificationFixture.run(options) { fixture in
            let token = "Authorization: Bearer dev-token"
            for (origin, expected) in [
                ("https://app.example.com", 101), ("HTTPS://APP.example.com", 101), ("http://localhost:3000", 101),
                ("https://evil.example.com", 403), ("https://app.example.com.evil.com", 403),
                ("http://app.example.com", 403), ("null", 403),
            ] {
                let status = try await answer(fixture, "/ws", [token, "Origin: \(origin)"])
                #expect(status == expected, "\(origin)")
            }
            // No browser, no origin.
            let status = try await answer(fixture, "/ws", [token])
            #expect(status == 101)
        }
    }

    @Test func `lists of origins are read, and the host itself is the default`() throws {
        let host = try #require(OriginList(""))
        #expect(host.rule == .sameHost)
        #expect(host.allows(origin: "https://live.example.com", host: "live.example.com"))
        #expect(host.allows(origin: "http://LIVE.example.com:81", host: "live.example.com:81"))
        #expect(!host.allows(origin: "https://example.com", host: "live.example.com"))
        #expect(!host.allows(origin: "null", host: "live.example.com"))
        #expect(host.allows(origin: nil, host: "live.example.com"))
        #expect(OriginList("*")?.allows(origin: "null", host: nil) == true)
        for text in ["app.example.com", "https://", "https://a/b", "https://*.a", "https://a, b", "*,https://a"] {
            #expect(OriginList(text) == nil, "\(text)")
        }
    }

    @Test func `one owner has so many connections, and gets them back`() async throws {
        var options = NotificationFixture.Options()
        options.environment = ["MAX_CONNECTIONS_PER_USER": "3"]
        try await NotificationFixture.run(options) { fixture in
            let token = try await fixture.key([.eventsRead])
            var sockets: [SocketClient] = []
            for _ in 0..<2 { sockets.append(try await fixture.socket(token: token)) }
            let stream = try SocketClient.connect(fixture.port)
            let bearer = "Authorization: Bearer \(token)"
            #expect(try await stream.get("/sse?context_id=queue:a", headers: [bearer]) == 200)
            _ = try await stream.readEvent()
            let fourth = try await fixture.socket(token: token)
            #expect(try await fourth.next("error")["code"]?.string == "TOO_MANY_CONNECTIONS")
            #expect(try await fourth.closing().code == 4009)
            #expect(try await fixture.send("GET", "/sse?context_id=queue:a", token: token).status == 429)
            // Others are not concerned, and administrators have no limit.
            _ = try await fixture.socket(token: try await fixture.key([.eventsRead])).next("authenticated")
            for _ in 0..<5 { _ = try await fixture.socket().next("authenticated") }
            await sockets.removeLast().drop()
            await stream.drop()
            try await eventually("places are given back") {
                let socket = try await fixture.socket(token: token)
                try await socket.send(#"{"type":"ping"}"#)
                if case .message(let message) = try await socket.next() {
                    return message["type"]?.string == "authenticated"
                }
                return false
            }
        }
    }

    @Test func `seats are given back by whoever goes in whatever way`() async throws {
        try await NotificationFixture.run { fixture in
            for round in 0..<40 {
                let socket = try await fixture.socket("/ws?context_id=all")
                if round % 2 == 0 { _ = try await socket.next("snapshot") }
                if round % 3 == 0 { try await socket.send(binary: [1]) }
                await socket.drop()
            }
            try await eventually("nobody is left") { fixture.notification.attendance.count == 0 }
        }
    }

    @Test func `of many who use one ticket one gets in`() async throws {
        try await NotificationFixture.run { fixture in
            let ticket = try #require(try await fixture.send("POST", "/api/tickets").json["ticket"]?.string)
            let answers = try await withThrowingTaskGroup(of: Int.self) { group in
                for _ in 0..<12 { group.addTask { try await answer(fixture, "/ws?ticket=\(ticket)", []) } }
                return try await group.reduce(into: [Int]()) { $0.append($1) }
            }
            #expect(answers.count { $0 == 101 } == 1)
            #expect(answers.count { $0 == 401 } == 11)
            // And a ticket that is too old none.
            let late = try #require(try await fixture.send("POST", "/api/tickets").json["ticket"]?.string)
            _ = try await fixture.pool.execute("UPDATE notify.tickets SET expires_at = now()")
            #expect(try await answer(fixture, "/ws?ticket=\(late)", []) == 401)
        }
    }
}
