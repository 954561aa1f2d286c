import Concurrency
import Contracts
import HTTPServer
import JSON
import Kernel
import Lifecycle
import Messaging
import Postgres
import Store
import TestSupport
import Testing

@testable import NotificationService

/// The description of the WebSocket, held against what really goes over it.
@Suite(.timeLimit(.minutes(3))) struct AsyncAPITests {
    /// The served description, as a client's author reads it.
    private struct Page {
        let root: JSONElement
        let schemas: [String: JSONSchema]

        init(_ root: JSONElement) throws {
            self.root = root
            var schemas: [String: JSONSchema] = [:]
            for message in try #require(root["components"]?["messages"]).members {
                schemas[message.name] = try JSONSchema(parsing: try #require(message.value["payload"]))
            }
            self.schemas = schemas
        }

        /// Types of an operation, whose references must lead somewhere.
        func types(of operation: String) throws -> Set<String> {
            let messages = try #require(root["operations"]?[operation]?["messages"]).elements
            return Set(
                try messages.map { message in
                    let name = try #require(message["$ref"]?.string?.split(separator: "/").last.map(String.init))
                    let target = try #require(root["channels"]?["updates"]?["messages"]?[name]?["$ref"]?.string)
                    #expect(target == "#/components/messages/\(name)")
                    return name
                }
            )
        }
    }

    private static func page(_ fixture: NotificationFixture) async throws -> Page {
        let answer = try await fixture.send("GET", "/asyncapi.json")
        #expect(answer.status == 200)
        #expect(answer.json["asyncapi"]?.string == "3.0.0")
        return try Page(answer.json)
    }

    /// Every frame of a socket until it is closed, checked.
    private static func check(_ socket: SocketClient, _ page: Page) async throws -> Set<String> {
        var seen: Set<String> = []
        while case .message(let message) = try await socket.next() {
            let type = message["type"]?.string ?? ""
            seen.insert(type)
            guard let schema = page.schemas[type] else {
                Issue.record("the description knows no message \(type)")
                continue
            }
            #expect(schema.issues(in: message) == [], "\(type)")
        }
        return seen
    }

    @Test func `every message the service sends is as its description says`() async throws {
        var options = NotificationFixture.Options()
        options.limits.expiryNotice = .seconds(3600)
        options.verifier = { _, now in
            Principal(name: "user:u", scopes: [.admin], expiresAt: now + .seconds(1800))
        }
        try await NotificationFixture.run(options) { fixture in
            let page = try await AsyncAPITests.page(fixture)
            #expect(try page.types(of: "serve") == Set(ServerMessageType.allCases.map(\.rawValue)))
            let job = try await fixture.job()
            let socket = try await fixture.socket("/ws?context_id=all", token: "a.b")
            let watcher = try await fixture.socket("/ws?context_id=all")
            _ = try await watcher.next("snapshot")
            for text in [
                #"{"type":"ping","t":{"any":[1]}}"#,
                #"{"type":"subscribe","id":"1","contexts":[{"context_id":"job:\#(job)"}]}"#,
                #"{"type":"unsubscribe","id":"2","contexts":["job:\#(job)"]}"#, "nonsense", #"{"type":"dance"}"#,
                #"{"type":"auth","id":"3","token":"mk_nobody"}"#, #"{"type":"auth","id":"4","token":"a.b"}"#,
            ] { try await socket.send(text) }
            try await fixture.change([job], to: .processing)
            _ = try await fixture.pool.execute(
                """
                WITH changed AS (
                    UPDATE jobs.jobs AS job SET progress_fraction = 0.5, progress_message = 'half', progress_count = 1
                    RETURNING job
                )
                \(EventLog.appendProgress(ofJobsIn: "changed"))
                """
            )
            _ = try await fixture.pool.execute(
                """
                WITH changed AS (
                    UPDATE jobs.jobs AS job
                    SET status = 'failed', phase = 'finished', seq = job.seq + 1, error_code = 'X', error_message = 'why',
                        completed_at = now()
                    RETURNING job
                )
                \(EventLog.appendStatuses(ofJobsIn: "changed"))
                """
            )
            let card = IdentifierSource().uuid()
            let body = #"{"event_id":"\#(card):1","type":"card.updated","card_id":"\#(card)"}"#
            _ = try await fixture.pool.execute(
                EventLog.append(
                    .cardUpdated,
                    id: "\(card):1",
                    subject: card,
                    seq: 1,
                    project: nil,
                    card: CardID(card),
                    body: RawJSON(body),
                    traceparent: nil
                )
            )
            fixture.wakeup.signal()
            _ = try await watcher.next("event")
            // A second one, for the snapshot of a job that has ended.
            let late = try await fixture.socket("/ws?context_id=job:\(job)", token: "a.b")
            while try await fixture.send("GET", "/api/connections").json["items"]?.elements
                .contains(where: {
                    $0["contexts"]?.elements.contains { $0.string == "job:\(job)" } == true
                }) != true
            { await Task.yield() }
            fixture.stop.raise()
            var all = try await AsyncAPITests.check(socket, page)
            all.formUnion(try await AsyncAPITests.check(late, page))
            // None is so slow here that it is told what was left out; `Replica` checks what slow ones get.
            #expect(all == Set(ServerMessageType.allCases.map(\.rawValue)).subtracting(["skip"]))
        }
    }

    @Test func `every message of the description is taken, and what is refused does not fit it`() async throws {
        var options = NotificationFixture.Options()
        options.verifier = { _, _ in Principal(name: "dev", scopes: [.admin]) }
        try await NotificationFixture.run(options) { fixture in
            let page = try await AsyncAPITests.page(fixture)
            #expect(try page.types(of: "listen") == Set(ClientMessageType.allCases.map(\.rawValue)))
            let refusals: Set<String> = ["INVALID_JSON", "VALIDATION_FAILED", "UNKNOWN_TYPE", "INVALID_CONTEXT"]
            var count = 0
            for type in try page.types(of: "listen") {
                let examples = try #require(page.root["components"]?["messages"]?[type]?["examples"]).elements
                for example in examples {
                    let payload = try #require(example["payload"])
                    #expect(page.schemas[type]?.issues(in: payload) == [])
                    let text = String(decoding: payload.raw.bytes, as: UTF8.self)
                        .replacing("mk_…", with: "dev-token").replacing("eyJ…", with: "a.b")
                    let socket = type == "hello" ? try SocketClient.connect(fixture.port) : try await fixture.socket()
                    if type == "hello" { #expect(try await socket.upgrade("/ws") == 101) }
                    try await socket.send(text)
                    try await socket.send(#"{"type":"ping","t":"end"}"#)
                    var isAtEnd = false
                    while !isAtEnd, case .message(let message) = try await socket.next() {
                        let code = message["code"]?.string ?? ""
                        #expect(!refusals.contains(code), "\(text): \(code)")
                        isAtEnd = message["type"]?.string == "pong"
                    }
                    #expect(isAtEnd)
                    count += 1
                }
            }
            #expect(count == ClientMessageType.allCases.map(\.examples.count).reduce(0, +))
            // The other way round: what the service calls not valid, the description does too.
            for (message, code) in ProtocolTests.mistakes where code == "VALIDATION_FAILED" && message != "[1]" {
                let value = try JSONDocument(parsing: message).root
                let schema = try #require(page.schemas[value["type"]?.string ?? ""])
                #expect(!schema.issues(in: value).isEmpty, "\(message)")
            }
        }
    }
}
