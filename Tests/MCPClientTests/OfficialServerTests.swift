import JSON
import Kernel
import Subprocess
import TestSupport
import Testing

@testable import MCPClient

/// The server of the official SDK, by both ways and in both eras.
@Suite(.timeLimit(.minutes(3)), .serialized) struct OfficialServerTests {
    private typealias Fixture = RemoteServerFixture

    /// The era that a server is taken to be of, and what is then spoken. A server of both is led to the older one.
    private static let eras: [(last: Revision?, spoken: String)] = [
        (nil, "2026-07-28"), (.legacy("2025-11-25"), "2025-11-25"),
    ]

    @Test func `tools are listed, called, followed and called off over HTTP`() async throws {
        for era in OfficialServerTests.eras {
            try await PythonServer.run { url in
                try await Fixture.run(Fixture.http(url), last: era.last) { server in
                    try await OfficialServerTests.tryAll(server, era.spoken)
                }
            }
        }
    }

    @Test func `tools are listed, called, followed and called off in a program`() async throws {
        guard let command = try await PythonServer.command() else { return }
        for era in OfficialServerTests.eras {
            try await Fixture.run(.program(command), last: era.last) { server in
                try await OfficialServerTests.tryAll(server, era.spoken)
            }
        }
    }

    private static func tryAll(_ server: RemoteServer, _ spoken: String) async throws {
        try await server.ready()
        #expect(server.state == .ready(revision: spoken, unusable: 0))
        let add = try #require(server.tools.first { $0.name == "add" })
        #expect(add.isReadOnly && add.isIdempotent && add.summary == "Adds two numbers.")
        #expect(try JSONDocument(parsing: add.input.bytes).root["properties"]?["a"] != nil)
        let sum = try await server.call("add", #"{"a":1,"b":2}"#)
        #expect(try JSONDocument(parsing: #require(sum.structured).bytes).root["sum"]?.int == 3)
        #expect(
            try await server.call("pieces").content
                == [.text("ümlaut 😀"), .image(base64: "AA==", type: "image/png")]
        )
        #expect(try await server.call("fail").isError)
        #expect(try await server.call("add", #"{"a":"no"}"#).isError)
        #expect(try await server.call("large", #"{"bytes":1000000}"#).content.count == 1)

        let steps = Steps()
        _ = try await server.call("steps", .null, within: .seconds(20)) { step in steps.take(step) }
        #expect(steps.all == [0, 50, 100])

        let slow = Task { try await server.call("slow") }
        func count(_ name: String) async throws -> Int? {
            try await server.call("counts").structured.flatMap { try JSONDocument(parsing: $0.bytes).root[name]?.int }
        }
        try await eventually("slow has begun") { try await count("begun") == 1 }
        slow.cancel()
        await #expect(throws: CancellationError.self) { try await slow.value }
        try await eventually("slow is called off") { try await count("called_off") == 1 }

        #expect(!server.tools.contains { $0.name == "grown" })
        _ = try await server.call("grow")
        try await eventually("the new tool is there") { server.tools.contains { $0.name == "grown" } }
        #expect(try await server.call("grown").content == [.text("grown")])
    }

    @Test func `what a program complains of is logged, without what it must not tell`() async throws {
        guard let command = try await PythonServer.command() else { return }
        let log = RecordedLog()
        let mask = SecretMask(["complains"])
        try await Fixture.run(.program(command), change: { $0.mask = mask }, logger: log.logger()) { server in
            try await server.ready()
            try await eventually { log.all.contains { $0.contains("the server ••• a little") } }
        }
    }

    @Test func `a program that ends is started again`() async throws {
        guard let command = try await PythonServer.command() else { return }
        try await Fixture.run(.program(command)) { server in
            try await server.ready()
            await #expect(throws: RemoteError.self) { try await server.call("quit") }
            try await eventually("it is called again") {
                do {
                    return try await server.call("add", #"{"a":1,"b":1}"#).isError == false
                } catch is RemoteError {
                    return false
                }
            }
        }
    }
}
