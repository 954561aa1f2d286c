import Contracts
import JSON
import Kernel
import Lifecycle
import Store
import TestSupport
import Testing

@testable import NotificationService

/// What the service answers to what clients say.
@Suite(.timeLimit(.minutes(3))) struct ProtocolTests {
    @Test func `hello brings the token, and is asked for in time`() async throws {
        var options = NotificationFixture.Options()
        options.limits.helloTimeout = .milliseconds(300)
        try await NotificationFixture.run(options) { fixture in
            let socket = try SocketClient.connect(fixture.port)
            #expect(try await socket.upgrade("/ws") == 101)
            try await socket.send(#"{"type":"hello","token":"dev-token"}"#)
            #expect(try await socket.next("authenticated")["connection"]?.string != nil)

            let silent = try SocketClient.connect(fixture.port)
            #expect(try await silent.upgrade("/ws") == 101)
            #expect(try await silent.closing().code == 4001)

            let wrong = try SocketClient.connect(fixture.port)
            #expect(try await wrong.upgrade("/ws") == 101)
            try await wrong.send(#"{"type":"hello","token":"mk_nobody"}"#)
            #expect(try await wrong.next("error")["code"]?.string == "UNAUTHENTICATED")
            #expect(try await wrong.closing().code == 4001)

            let poor = try SocketClient.connect(fixture.port)
            #expect(try await poor.upgrade("/ws") == 101)
            let key = try await fixture.key([.work])
            try await poor.send(#"{"type":"hello","token":"\#(key)"}"#)
            #expect(try await poor.closing().code == 4003)
        }
    }

    @Test func `what comes before hello waits for it`() async throws {
        try await NotificationFixture.run { fixture in
            let card: CardID = IdentifierSource().next()
            let socket = try SocketClient.connect(fixture.port)
            #expect(try await socket.upgrade("/ws?context_id=\(card)") == 101)
            try await socket.send(#"{"type":"hello","token":"dev-token"}"#)
            try await socket.send(#"{"type":"subscribe","id":"q","contexts":[{"context_id":"queue:default"}]}"#)
            #expect(try await socket.next("authenticated").kind == .object)
            let contexts = [
                try await socket.next("subscribed")["context_id"]?.string,
                try await socket.next("subscribed")["context_id"]?.string,
            ]
            #expect(Set(contexts) == ["\(card)", "queue:default"])

            let rude = try SocketClient.connect(fixture.port)
            #expect(try await rude.upgrade("/ws") == 101)
            try await rude.send(#"{"type":"auth","id":"1"}"#)
            #expect(try await rude.next("error")["code"]?.string == "VALIDATION_FAILED")
            try await rude.send(#"{"type":"unsubscribe","contexts":["all"]}"#)
            #expect(try await rude.closing().code == 4001)
        }
    }

    static let mistakes = [
        ("nonsense", "INVALID_JSON"), ("[1]", "VALIDATION_FAILED"), (#"{"type":"dance"}"#, "UNKNOWN_TYPE"),
        (#"{"type":"subscribe"}"#, "VALIDATION_FAILED"), (#"{"type":"subscribe","contexts":[]}"#, "VALIDATION_FAILED"),
        (#"{"type":"subscribe","contexts":[{"context_id":"x"}]}"#, "INVALID_CONTEXT"),
        (#"{"type":"subscribe","contexts":[{"context_id":"all","cursor":1}]}"#, "VALIDATION_FAILED"),
        (#"{"type":"subscribe","mode":"some","contexts":["all"]}"#, "VALIDATION_FAILED"),
        (#"{"type":"subscribe","snapshot":1,"contexts":["all"]}"#, "VALIDATION_FAILED"),
        (#"{"type":"subscribe","id":7,"contexts":["all"]}"#, "VALIDATION_FAILED"),
        (#"{"type":"auth"}"#, "VALIDATION_FAILED"),
        (#"{"type":"auth","token":"mk_other"}"#, "UNAUTHENTICATED"),
    ]

    @Test func `a bad message gets an error and the connection stays`() async throws {
        try await NotificationFixture.run { fixture in
            for (message, code) in ProtocolTests.mistakes {
                let socket = try await fixture.socket()
                try await socket.send(message)
                let error = try await socket.next("error")
                #expect(error["code"]?.string == code)
                #expect(error["action"]?.string?.isEmpty == false)
                try await socket.send(#"{"type":"ping","t":41}"#)
                let pong = try await socket.next("pong")
                #expect(pong["t"]?.int == 41)
                #expect(pong["server_time"]?.string.flatMap { Timestamp($0) } != nil)
            }
        }
    }

    @Test func `a binary message and a flood end the connection`() async throws {
        try await NotificationFixture.run { fixture in
            let binary = try await fixture.socket()
            try await binary.send(binary: [1])
            #expect(try await binary.closing().code == 4000)
            let flood = try await fixture.socket()
            for _ in 0..<40 { try await flood.send(#"{"type":"ping"}"#) }
            #expect(try await flood.closing().code == 4029)
            let large = try await fixture.socket()
            try await large.send(String(repeating: "x", count: 17_000))
            #expect(try await large.closing().code == 1009)
        }
    }

    @Test func `too many contexts end the connection`() async throws {
        var options = NotificationFixture.Options()
        options.limits.contexts = 3
        try await NotificationFixture.run(options) { fixture in
            let socket = try await fixture.socket()
            let contexts = (0..<4).map { #"{"context_id":"queue:q\#($0)"}"# }.joined(separator: ",")
            try await socket.send(#"{"type":"subscribe","contexts":[\#(contexts)]}"#)
            #expect(try await socket.closing().code == 4009)
        }
    }

    @Test func `a token in the URL and unknown parameters are refused`() async throws {
        try await NotificationFixture.run { fixture in
            for query in ["token=x", "colour=red", "context_id=nothing"] {
                let socket = try SocketClient.connect(fixture.port)
                #expect(try await socket.upgrade("/ws?\(query)") == 400)
            }
            let socket = try SocketClient.connect(fixture.port)
            #expect(try await socket.upgrade("/ws", headers: ["Authorization: Bearer wrong"]) == 401)
        }
    }

    @Test func `a foreign project is refused and the connection stays`() async throws {
        try await NotificationFixture.run { fixture in
            let mine: ProjectID = IdentifierSource().next()
            let foreign: ProjectID = IdentifierSource().next()
            let own = try await fixture.job(project: mine)
            let other = try await fixture.job(project: foreign)
            let socket = try await fixture.socket(token: fixture.key([.eventsRead], project: mine))
            let unknown: CardID = IdentifierSource().next()
            for context in ["project:\(foreign)", "job:\(other)", "\(unknown)", "queue:default", "all"] {
                try await socket.send(#"{"type":"subscribe","id":"s","contexts":[{"context_id":"\#(context)"}]}"#)
                let error = try await socket.next("error")
                #expect(error["code"]?.string == "FORBIDDEN_CONTEXT")
                #expect(error["id"]?.string == "s")
                #expect(error["action"]?.string == "drop_subscription")
            }
            for context in ["project:\(mine)", "job:\(own)"] {
                try await socket.send(#"{"type":"subscribe","contexts":[{"context_id":"\#(context)"}]}"#)
                #expect(try await socket.next("subscribed")["context_id"]?.string == context)
            }
            // One that is refused does not take the others of its message with it.
            let both = #"{"context_id":"all"},{"context_id":"job:\#(own)"}"#
            let second = try await fixture.socket(token: fixture.key([.eventsRead], project: mine))
            try await second.send(#"{"type":"subscribe","contexts":[\#(both)]}"#)
            #expect(try await second.next("error")["context_id"]?.string == "all")
            #expect(try await second.next("subscribed")["context_id"]?.string == "job:\(own)")
            let unlimited = try await fixture.socket("/ws?context_id=all", token: fixture.key([.eventsRead]))
            #expect(try await unlimited.next("error")["code"]?.string == "FORBIDDEN_CONTEXT")
        }
    }

    @Test func `a ticket opens one socket`() async throws {
        try await NotificationFixture.run { fixture in
            let answer = try await fixture.send("POST", "/api/tickets")
            #expect(answer.status == 201)
            #expect(answer.json["expires_in"]?.int == 30)
            let ticket = try #require(answer.json["ticket"]?.string)
            let socket = try SocketClient.connect(fixture.port)
            #expect(try await socket.upgrade("/ws?ticket=\(ticket)&context_id=all") == 101)
            #expect(try await socket.next("subscribed")["context_id"]?.string == "all")
            let second = try SocketClient.connect(fixture.port)
            #expect(try await second.upgrade("/ws?ticket=\(ticket)") == 401)
        }
    }

    @Test func `a ticket carries its owner's project`() async throws {
        try await NotificationFixture.run { fixture in
            let project: ProjectID = IdentifierSource().next()
            let key = try await fixture.key([.eventsRead], project: project)
            let ticket = try #require(try await fixture.send("POST", "/api/tickets", token: key).json["ticket"]?.string)
            let socket = try SocketClient.connect(fixture.port)
            #expect(try await socket.upgrade("/ws?ticket=\(ticket)&context_id=queue:default") == 101)
            #expect(try await socket.next("error")["code"]?.string == "FORBIDDEN_CONTEXT")
        }
    }

    @Test func `a token's end is announced, put off by a new one, and closes with 4010`() async throws {
        var options = NotificationFixture.Options()
        options.limits.expiryNotice = .milliseconds(500)
        let begin = Late<Timestamp>()
        options.verifier = { token, now in
            Principal(
                name: "user:somebody",
                scopes: [.eventsRead],
                expiresAt: (begin.value ?? now) + (token == "a.b" ? .seconds(2) : .seconds(3))
            )
        }
        try await NotificationFixture.run(options) { fixture in
            let start = WallClock.system.now()
            begin.value = start
            let socket = try await fixture.socket(token: "a.b")
            _ = try await socket.next("auth_expiring")
            try await socket.send(#"{"type":"auth","token":"c.d"}"#)
            #expect(try await socket.next("authenticated")["expires_at"]?.string == "\(start + .seconds(3))")
            _ = try await socket.next("auth_expiring")
            #expect(try await socket.closing().code == 4010)
            #expect(WallClock.system.now() >= start + .seconds(3))
        }
    }

    @Test func `an administrator sees and closes connections`() async throws {
        try await NotificationFixture.run { fixture in
            let socket = try await fixture.socket("/ws?context_id=all")
            let id = try #require(try await socket.next("authenticated")["connection"]?.string)
            _ = try await socket.next("subscribed")
            let items = try await fixture.send("GET", "/api/connections").json["items"]?.elements.map { $0 } ?? []
            #expect(items.count == 1)
            #expect(items.first?["connection_id"]?.string == id)
            #expect(items.first?["contexts"]?.elements.compactMap(\.string) == ["all"])
            #expect(try await fixture.send("DELETE", "/api/connections/\(id)").status == 204)
            #expect(try await socket.closing().code == 4003)
            #expect(try await fixture.send("DELETE", "/api/connections/999999").status == 404)
        }
    }

    @Test func `a stop sends everybody away with cursors and spread delays`() async throws {
        try await NotificationFixture.run { fixture in
            let socket = try await fixture.socket("/ws?context_id=all")
            _ = try await socket.next("snapshot")
            try await fixture.job()
            let cursor = try #require(try await socket.next("job_update")["cursor"]?.string)
            fixture.stop.raise()
            let drain = try await socket.next("drain")
            #expect(drain["cursors"]?["all"]?.string == cursor)
            #expect((0...15_000).contains(drain["reconnect_after_ms"]?.int ?? -1))
            #expect(try await socket.closing().code == 4012)
        }
    }
}
