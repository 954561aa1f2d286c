import Concurrency
import Foundation
import Testing

@testable import Subprocess

@Suite(.timeLimit(.minutes(1)), .serialized) struct SubprocessTests {
    /// Runs a shell script; returns its ending and lines.
    private func shell(
        _ script: String,
        _ change: (inout Command) -> Void = { _ in }
    ) async throws -> (ending: Ending, lines: [OutputLine]) {
        var command = Command("/bin/sh", ["-c", script], folder: "/tmp")
        change(&command)
        var lines: [OutputLine] = []
        let ending = try await Subprocess.run(command) { output in
            for try await line in output { lines.append(line) }
        }
        return (ending, lines)
    }

    /// Whether a process is there and not a zombie.
    private func isAlive(_ id: Int32) -> Bool {
        guard let status = try? String(contentsOfFile: "/proc/\(id)/stat", encoding: .utf8) else { return false }
        return !status.contains(") Z ")
    }

    /// How many descriptors are open of the kinds that a run uses; other tests of this process open sockets.
    private func openDescriptors() throws -> Int {
        try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd")
            .count { name in
                // One that was closed meanwhile has no target.
                let target = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/fd/\(name)")) ?? ""
                return target.hasPrefix("pipe:") || target.contains("pidfd")
            }
    }

    @Test func `lines of both streams arrive, and the exit status is exact`() async throws {
        let (ending, lines) = try await shell("echo one; echo two >&2; printf three; exit 7")
        #expect(ending.status == .exited(7))
        #expect(ending.stopped == nil)
        #expect(lines.filter { $0.stream == .output }.map(\.text) == ["one", "three"])
        #expect(lines.filter { $0.stream == .error }.map(\.text) == ["two"])
        #expect(try await shell("kill -USR1 $$").ending.status == .signalled(SIGUSR1))
    }

    @Test func `arguments reach the program as they are`() async throws {
        let odd = ["", "a b", "$HOME", "`id`", "'\"", "-n", "*", "ü\n"]
        var lines: [String] = []
        let ending = try await Subprocess.run(Command("/usr/bin/printf", ["[%s]"] + odd, folder: "/tmp")) {
            for try await line in $0 { lines.append(line.text) }
        }
        #expect(ending.isSuccess)
        #expect(lines.joined(separator: "\n") == odd.map { "[\($0)]" }.joined())
    }

    @Test func `nothing is inherited but what the command says`() async throws {
        unsafe setenv("MARTLET_SECRET", "leak", 1)
        let held = unsafe open("/dev/null", O_RDONLY)
        defer { close(held) }
        let environment = try await shell("env").lines.map(\.text)
        #expect(environment.contains("HOME=/tmp"))
        #expect(!environment.contains { $0.contains("leak") })
        let descriptors = try await shell("ls /proc/self/fd").lines.map(\.text)
        // The fourth is the folder that `ls` reads.
        #expect(descriptors == ["0", "1", "2", "3"])
        #expect(try await shell("pwd; readlink /proc/self/fd/0").lines.map(\.text) == ["/tmp", "/dev/null"])
    }

    @Test func `input is fed in full, and a program that does not read it is no harm`() async throws {
        let input = Array(repeating: UInt8(ascii: "x"), count: 300_000)
        #expect(try await shell("wc -c") { $0.input = input }.lines.map(\.text) == ["300000"])
        #expect(try await shell("exit 3") { $0.input = input }.ending.status == .exited(3))
    }

    @Test func `a program that does not end in time is asked, then killed`() async throws {
        let polite = try await shell("sleep 60") { $0.timeout = .milliseconds(100) }.ending
        #expect(polite.stopped == .timedOut)
        #expect(polite.status == .signalled(SIGTERM))
        let stubborn = try await shell("trap '' TERM; while :; do sleep 60; done") {
            $0.timeout = .milliseconds(100)
            $0.grace = .milliseconds(100)
        }
        .ending
        #expect(stubborn.stopped == .timedOut)
        #expect(stubborn.status == .signalled(SIGKILL))
    }

    @Test func `cancelling ends the whole group before run returns`() async throws {
        let started = Promise<Int32>()
        let task = Task {
            try await Subprocess.run(
                Command(
                    "/bin/sh",
                    ["-c", "sleep 300 & echo $!; trap '' TERM; wait; wait"],
                    folder: "/tmp",
                    grace: .milliseconds(50)
                )
            ) { lines in
                for try await line in lines { started.succeed(Int32(line.text) ?? 0) }
            }
        }
        let grandchild = try await started.value()
        #expect(isAlive(grandchild))
        task.cancel()
        await #expect(throws: CancellationError.self) { try await task.value }
        // Killed already; it may still be on its way out. One that was not killed would hold the test for minutes.
        while isAlive(grandchild) { await Task.yield() }
    }

    @Test func `a grandchild does not outlive a program that ends by itself`() async throws {
        let (ending, lines) = try await shell("sleep 300 & echo $!; exit 0")
        #expect(ending.isSuccess)
        let grandchild = try #require(lines.first.flatMap { Int32($0.text) })
        // Killed already; it may still be on its way out. One that was not killed would hold the test for minutes.
        while isAlive(grandchild) { await Task.yield() }
    }

    @Test func `a body that throws stops the program`() async throws {
        struct Enough: Error {}
        await #expect(throws: Enough.self) {
            try await Subprocess.run(Command("/bin/sh", ["-c", "echo x; sleep 300"], folder: "/tmp")) { lines in
                for try await _ in lines { throw Enough() }
            }
        }
    }

    @Test func `each limit ends the program in its own way`() async throws {
        let processor = try await shell("while :; do :; done") { $0.limits.processorSeconds = 1 }.ending
        #expect(processor.status == .signalled(SIGXCPU))
        #expect(processor.processorTime >= .milliseconds(500))
        let file = "/tmp/martlet-subprocess-\(getpid())"
        defer { unsafe unlink(file) }
        let size = try await shell("exec head -c 100000 /dev/zero > \(file)") { $0.limits.fileBytes = 10_000 }.ending
        #expect(size.status == .signalled(SIGXFSZ))
        let memory = try await shell("exec head -c 300M /dev/zero | tail -c 200M | wc -c") {
            $0.limits.memoryBytes = 64 << 20
        }
        #expect(memory.lines.contains { $0.stream == .error && $0.text.contains("memory") })
        #expect(try await shell("ulimit -n") { $0.limits.openFiles = 17 }.lines.map(\.text) == ["17"])
    }

    @Test func `long lines are cut and endless output is stopped`() async throws {
        let long = try await shell("head -c 10000 /dev/zero | tr '\\0' x; echo; echo next") {
            $0.maximumLineBytes = 100
        }
        #expect(long.lines.map(\.text.utf8.count) == [100, 4])
        let endless = try await shell("exec yes") { $0.maximumOutputBytes = 100_000 }
        #expect(endless.ending.stopped == .outputLimit)
        #expect(endless.lines.count < 200_000)
    }

    @Test func `a slow reader holds the program up and loses nothing`() async throws {
        var count = 0
        let ending = try await Subprocess.run(Command("/usr/bin/seq", ["20000"], folder: "/tmp")) { lines in
            for try await line in lines {
                count += 1
                #expect(line.text == "\(count)")
                if count % 1000 == 0 { await Task.yield() }
            }
        }
        #expect(ending.isSuccess)
        #expect(count == 20_000)
    }

    @Test func `a program that cannot start is refused with its reason, and leaves nothing`() async throws {
        await #expect(throws: SubprocessError.notFound) {
            try await Subprocess.run(Command("/nowhere/program", [], folder: "/tmp")) { _ in }
        }
        await #expect(throws: SubprocessError.notStarted(step: "chdir", number: ENOENT)) {
            try await Subprocess.run(Command("/bin/true", [], folder: "/nowhere")) { _ in }
        }
        await #expect(throws: SubprocessError.notStarted(step: "exec", number: EACCES)) {
            try await Subprocess.run(Command("/tmp", [], folder: "/tmp")) { _ in }
        }
        await #expect(throws: SubprocessError.invalidCommand("the program's path is not absolute")) {
            try await Subprocess.run(Command("true", [], folder: "/tmp")) { _ in }
        }
        await #expect(throws: SubprocessError.invalidCommand("a text has a NUL byte")) {
            try await Subprocess.run(Command("/bin/true", ["a\0b"], folder: "/tmp")) { _ in }
        }
    }

    @Test func `two hundred runs leave no descriptor and no child behind`() async throws {
        let before = try openDescriptors()
        let processes = try await withThrowingTaskGroup(of: [String].self) { group in
            var processes: [String] = []
            for index in 0..<200 {
                if index >= 8 { processes += try await group.next() ?? [] }
                group.addTask {
                    var lines: [String] = []
                    let ending = try await Subprocess.run(
                        Command(
                            "/bin/sh",
                            ["-c", "echo $$; cat >&2; exit \(index % 5)"],
                            folder: "/tmp",
                            input: [65, 10]
                        )
                    ) { for try await line in $0 where line.stream == .output { lines.append(line.text) } }
                    #expect(ending.status == .exited(Int32(index % 5)))
                    return lines
                }
            }
            for try await lines in group { processes += lines }
            return processes
        }
        #expect(processes.count == 200)
        // Other tests may run programs too; a leak of ours would be one or more per run.
        #expect(try openDescriptors() < before + 100)
        // Not even a zombie.
        #expect(processes.filter { FileManager.default.fileExists(atPath: "/proc/\($0)") } == [])
    }
}
