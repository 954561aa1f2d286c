import Foundation
import JSON
import Kernel
import MCPClient
import Subprocess
import TestSupport
import Testing

/// Servers that are programs: short scripts that do what a test says.
@Suite(.timeLimit(.minutes(2))) struct ProgramTests {
    private typealias Fixture = RemoteServerFixture

    /// A program that answers each line by a clause of `case`, which sees it as `$line` and its id as `$id`.
    private static func program(_ clauses: String, first: String = "", environment: [String: String] = [:]) -> Command {
        let script = """
            \(first)
            while IFS= read -r line; do
              id=${line#*\\"id\\":}; id=${id%%,*}
              case "$line" in
                \(clauses)
                *server/discover*) say '{"supportedVersions":["2026-07-28"],"capabilities":{"tools":{}}}';;
                *tools/list*) say '{"tools":[{"name":"echo","inputSchema":{"type":"object"}}]}';;
                *tools/call*) say '{"content":[{"type":"text","text":"called"}]}';;
              esac
            done
            """
        let say = #"say() { printf '{"jsonrpc":"2.0","id":%s,"result":%s}\n' "$id" "$1"; }"#
        return Command(
            "/bin/sh",
            ["-c", say + "\n" + script],
            folder: "/tmp",
            environment: environment,
            grace: .seconds(2)
        )
    }

    @Test func `a program has the environment that is named, and no more`() async throws {
        let clauses = #"*tools/call*) say "{\"content\":[{\"type\":\"text\",\"text\":\"$A/$HOME\"}]}";;"#
        try await Fixture.run(.program(ProgramTests.program(clauses, environment: ["A": "b"]))) { server in
            try await server.ready()
            #expect(try await server.call("echo").content == [.text("b/")])
        }
    }

    @Test func `a program of the older era that says nothing to what it does not know is found out`() async throws {
        let clauses = """
            *server/discover*) ;;
            *'"initialize"'*) say '{"protocolVersion":"2024-11-05","capabilities":{"tools":{}}}';;
            """
        try await Fixture.run(.program(ProgramTests.program(clauses)), change: { $0.patience = .milliseconds(300) }) {
            server in
            try await server.ready()
            #expect(server.state == .ready(revision: "2024-11-05", unusable: 0))
        }
    }

    @Test func `a program that ends at what it does not know is asked the other way when it is started again`()
        async throws
    {
        let clauses = """
            *server/discover*) exit 1;;
            *'"initialize"'*) say '{"protocolVersion":"2025-11-25","capabilities":{"tools":{}}}';;
            """
        try await Fixture.run(.program(ProgramTests.program(clauses))) { server in
            try await server.ready()
            #expect(server.state == .ready(revision: "2025-11-25", unusable: 0))
        }
    }

    @Test func `answers come in any order, a second one counts for nothing, and some noise is no harm`() async throws {
        let clauses = #"""
            *'"first"'*) kept=$id; printf "$step" "$id";;
            *'"second"'*) say '{"content":[{"type":"text","text":"two"}]}'; say '{"content":[]}'
              id=$kept; say '{"content":[{"type":"text","text":"one"}]}'; id=777; say '{}';;
            """#
        let step = #"{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":%s,"progress":1}}\n"#
        let command = ProgramTests.program(clauses, first: "echo Welcome; echo '[1]'", environment: ["step": step])
        try await Fixture.run(.program(command)) { server in
            try await server.ready()
            let steps = Steps()
            let arguments = try JSONDocument(parsing: #"{"first":1}"#).root
            async let first = server.call("echo", arguments, within: .seconds(20)) { step in steps.take(step) }
            try await eventually("the first call has come") { steps.all == [1] }
            #expect(try await server.call("echo", #"{"second":1}"#).content == [.text("two")])
            #expect(try await first.content == [.text("one")])
            #expect(try await server.call("echo").content == [.text("called")])
        }
    }

    @Test func `a program that shouts nonsense is stopped, and so is one without line ends`() async throws {
        for (clause, reason) in [
            ("*tools/call*) while :; do echo nonsense; done;;", "not JSON"),
            (
                "*tools/call*) a=xxxxxxxxxxxxxxxx; a=$a$a$a$a$a$a$a$a; a=$a$a$a$a$a$a$a$a; while :; do printf %s $a; done;;",
                "bytes of a line"
            ),
        ] {
            let settings = Backoff(from: .seconds(60), cap: .seconds(60))
            try await Fixture.run(.program(ProgramTests.program(clause)), change: { $0.backoff = settings }) { server in
                try await server.ready()
                await #expect(throws: RemoteError.self) { try await server.call("echo") }
                try await server.away(because: reason)
            }
        }
    }

    @Test func `a program that stops within its answer, and one that is not there, have names`() async throws {
        let clause = #"*tools/call*) printf '{"jsonrpc":"2.0",'; exit 0;;"#
        let backoff = Backoff(from: .seconds(60), cap: .seconds(60))
        try await Fixture.run(.program(ProgramTests.program(clause)), change: { $0.backoff = backoff }) { server in
            try await server.ready()
            await #expect(throws: RemoteError.ended("it says nothing more")) { try await server.call("echo") }
            try await server.away(because: "it says nothing more")
        }
        try await Fixture.run(.program(Command("/nowhere/server", [], folder: "/tmp"))) { server in
            try await server.away(because: "the program does not exist")
        }
    }

    @Test func `a call that hangs ends in time and is called off`() async throws {
        let clauses = #"""
            *hang*) ;;
            *notifications/cancelled*) off=1;;
            *asks*) say "{\"content\":[{\"type\":\"text\",\"text\":\"off: $off\"}]}";;
            """#
        try await Fixture.run(.program(ProgramTests.program(clauses))) { server in
            try await server.ready()
            await #expect(throws: RemoteError.timedOut) {
                try await server.call("echo", #"{"hang":1}"#, within: .milliseconds(50))
            }
            #expect(try await server.call("echo", #"{"asks":1}"#).content == [.text("off: 1")])
        }
    }

    @Test func `a program that ignores the request to end is killed with its server`() async throws {
        let command = ProgramTests.program(
            #"*tools/call*) say "{\"content\":[{\"type\":\"text\",\"text\":\"$$\"}]}";;"#,
            first: "trap '' TERM"
        )
        var process = 0
        try await Fixture.run(.program(command)) { server in
            try await server.ready()
            if case .text(let text)? = try await server.call("echo").content.first { process = Int(text) ?? 0 }
        }
        #expect(process > 0)
        #expect(!ProgramTests.isAlive(process))
    }

    private static func isAlive(_ process: Int) -> Bool { FileManager.default.fileExists(atPath: "/proc/\(process)") }
}
