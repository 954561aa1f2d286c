import Contracts
import FoundationEssentials
import HTTPClient
import JSON
import Kernel
import TestSupport
import Testing

@testable import JobQueueService

/// Kinds of a configuration file, run by the shell as the program: what a program may do wrong, it does.
@Suite(.timeLimit(.minutes(1))) struct CommandProviderTests {
    /// A job queue with one kind, `script`, that runs `script` with the params `text` and `size`.
    private func run(
        _ script: String,
        more: String = "",
        environment: [String: String] = [:],
        _ body: @escaping @Sendable (JobQueueFixture) async throws -> Void
    ) async throws {
        let json = JSONWriter.bytes { $0.value(script) }
        let text = """
            {"kinds":[
              {"kind":"script","summary":"a script","program":"/bin/sh",
              "params":{"type":"object","properties":{"text":{"type":"string"},"size":{"type":"integer"}}},
              "arguments":["-c",\(String(decoding: json, as: UTF8.self)),"sh",["--text={text}"],["{size}"]],
              "output":{"file":"out.txt","media_type":"text/plain"}\(more)},
              {"kind":"absent","summary":"nothing","program":"/nowhere/tool","params":{"type":"object"},
              "arguments":[],"output":{"file":"o","media_type":"text/plain"}}]}
            """
        let base = "/tmp/martlet-tests-\(IdentifierSource().uuid())"
        try Data(text.utf8).write(to: URL(filePath: base + ".json"))
        defer {
            do {
                try FileManager.default.removeItem(atPath: base + ".json")
                try FileManager.default.removeItem(atPath: base)
            } catch { Issue.record(error) }
        }
        let settings = ["COMMAND_PROVIDERS_FILE": base + ".json", "SCRATCH_DIR": base]
        try await JobQueueFixture.run(environment.merging(settings) { $1 }) { fixture in
            try FileManager.default.createDirectory(atPath: base, withIntermediateDirectories: true)
            try await body(fixture)
            // Whatever became of the jobs, nothing of them is left.
            try await eventually { try FileSystem.names(in: base) == [] }
        }
    }

    private func submit(_ fixture: JobQueueFixture, _ params: String = "{}", _ more: String = "") async throws -> JobID
    {
        try await fixture.submit(#"{"kind":"script","params":\#(params),"max_attempts":1\#(more)}"#)
    }

    @Test func `params arrive as single arguments, output becomes log and progress, the file the result`() async throws
    {
        let script =
            #"printf '%s|' "$@" > out.txt; echo 'done=50'; echo said; echo "at $PWD/out.txt" >&2; echo done=100"#
        try await run(script) { fixture in
            let id = try await submit(fixture, #"{"text":"a b; $(id) \"q\"","size":3}"#)
            let job = try await fixture.finished(id)
            #expect(job["status"]?.string == "completed")
            let file = try await fixture.file(try #require(job["result_url"]?.string))
            #expect(file.text == #"--text=a b; $(id) "q"|3|"#)
            #expect(try await Set(fixture.lines(id)) == ["done=50", "said", "at out.txt", "done=100"])
        }
    }

    @Test func `progress is read from the lines by the configured pattern`() async throws {
        let pattern = #","progress":{"pattern":"^done=([0-9]+)$","total":200}"#
        // It waits until the progress was seen: the file appears when the test says so.
        let script = "echo done=50; while [ ! -e /tmp/$1 ]; do sleep 0.02; done; echo x > out.txt"
        let gate = "martlet-gate-\(IdentifierSource().uuid())"
        try await run(script.replacing("$1", with: gate), more: pattern) { fixture in
            let id = try await submit(fixture)
            try await eventually { try await fixture.job(id)["progress"]?["fraction"]?.double == 0.25 }
            try Data().write(to: URL(filePath: "/tmp/\(gate)"))
            #expect(try await fixture.finished(id)["progress"]?["fraction"]?.double == 1)
            try FileManager.default.removeItem(atPath: "/tmp/\(gate)")
        }
    }

    @Test(arguments: [
        ("echo fine; echo \"bad thing in $PWD/x\" >&2; exit 9", "COMMAND_FAILED", "exit status 9: bad thing in x"),
        ("kill -USR1 $$", "COMMAND_FAILED", "ended by signal 10"),
        ("kill -KILL $$", "COMMAND_KILLED", "the program was killed; the machine may lack memory"),
        ("while :; do :; done", "COMMAND_CPU_LIMIT", "the program used up its processor time"),
        ("exec head -c 2000000 /dev/zero > out.txt", "COMMAND_FILE_LIMIT", nil),
        ("sleep 60", "COMMAND_TIMEOUT", "the program took longer than 1500 ms"),
        ("cat /proc/version > /dev/full", "DISK_FULL", "there was no room for the job's files"),
        ("true", "COMMAND_NO_RESULT", "the program left no file"),
        ("ln -s /etc/passwd out.txt", "COMMAND_NO_RESULT", "the program left no file"),
        ("tr '\\0' x < /dev/zero", "COMMAND_OUTPUT_LIMIT", "the program wrote too much"),
    ])
    func `each way to fail has its name`(script: String, code: String, message: String?) async throws {
        let timeout = code == "COMMAND_TIMEOUT" ? 1500 : 50_000
        let more = #","timeout_ms":\#(timeout),"limits":{"cpu_seconds":1}"#
        try await run(script, more: more, environment: ["MAX_RESULT_BYTES": "1000000"]) { fixture in
            let job = try await fixture.finished(try await submit(fixture))
            #expect(job["status"]?.string == "failed")
            #expect(job["error_code"]?.string == code)
            if let message { #expect(job["error_message"]?.string == message) }
        }
    }

    @Test func `cancelling a job ends its program`() async throws {
        try await run("echo $$; sleep 300", environment: ["LEASE_MS": "15000"]) { fixture in
            let id = try await submit(fixture)
            var lines: [String] = []
            try await eventually("it says who it is") {
                lines = try await fixture.lines(id)
                return !lines.isEmpty
            }
            let process = try #require(lines.first)
            #expect(FileManager.default.fileExists(atPath: "/proc/\(process)"))
            #expect(try await fixture.send("POST", "/api/jobs/\(id)/cancel").status == 200)
            try await eventually { !FileManager.default.fileExists(atPath: "/proc/\(process)") }
            #expect(try await fixture.job(id)["status"]?.string == "cancelled")
        }
    }

    @Test func `a param that would become an option is refused`() async throws {
        try await run("true") { fixture in
            let job = try await fixture.finished(try await submit(fixture, #"{"size":-5}"#))
            #expect(job["error_code"]?.string == "INVALID_PARAMS")
            #expect(job["error_message"]?.string == "the value of size must not begin with a dash")
        }
    }

    @Test func `a kind whose program is missing is listed with the reason and refused`() async throws {
        try await run("true") { fixture in
            let kinds = try await fixture.send("GET", "/api/kinds").json["items"]?.elements.map { $0 } ?? []
            #expect(kinds.map { $0["kind"]?.string } == ["absent", "script"])
            #expect(kinds.map { $0["available"]?.bool } == [false, true])
            #expect(kinds.first?["unavailable_reason"]?.string == "its program is not installed")
            let refused = try await fixture.send("POST", "/api/jobs", #"{"kind":"absent","params":{}}"#)
            #expect(refused.status == 400)
            #expect(refused.pointers == ["/kind"])
            let wrong = try await fixture.send("POST", "/api/jobs", #"{"kind":"script","params":{"size":"x"}}"#)
            #expect(wrong.pointers == ["/params/size"])
        }
    }
}
