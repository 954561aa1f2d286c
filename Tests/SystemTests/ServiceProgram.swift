import Foundation
import Synchronization
import TestSupport

/// One of the real executables, as an operator would run it: started, killed, started again.
final class ServiceProgram: Sendable {
    let name: String
    let port: Int
    let environment: [String: String]
    /// The file of everything that it writes.
    let log: String
    private let process = Mutex<TestProcess?>(nil)

    init(_ name: String, port: Int, environment: [String: String], logs: URL) {
        self.name = name
        self.port = port
        self.environment = environment.merging(["PORT": "\(port)", "HOST": "127.0.0.1"]) { $1 }
        log = logs.appending(path: "\(name)-\(port).log").path
    }

    /// Where SwiftPM puts the executables: beside the test bundle.
    static let folder = URL(filePath: CommandLine.arguments[0]).resolvingSymlinksInPath().deletingLastPathComponent()

    func start() async throws {
        let started = try await TestProcess(
            ServiceProgram.folder.appending(path: name).path,
            environment: environment,
            output: .file(log)
        )
        process.withLock { $0 = started }
    }

    private var current: TestProcess? { process.withLock { $0 } }

    /// SIGKILL: what a crash leaves behind. Returns when the process is gone.
    func kill() async {
        await current?.signal(SIGKILL)
        await current?.wait()
    }

    /// SIGSTOP: it stands still, holds what it has, and knows of nothing; until `wakeUp`.
    func freeze() async { await current?.signal(SIGSTOP) }
    func wakeUp() async { await current?.signal(SIGCONT) }

    /// SIGTERM, and the exit status.
    func stop() async -> Int32 {
        await current?.signal(SIGTERM)
        return await current?.wait() ?? -1
    }

    var isRunning: Bool { get async { await current?.isRunning ?? false } }

    /// What it wrote and printed when it was run once with other arguments, beside the running one.
    func output(_ arguments: String...) async throws -> String {
        let path = ServiceProgram.folder.appending(path: name).path
        // Standard error counts too; the shell merges it.
        let process = try await TestProcess(
            "/bin/sh",
            ["-c", "exec \"$0\" \"$@\" 2>&1", path] + arguments,
            environment: environment
        )
        let text = await process.readToEnd()
        await process.wait()
        return text
    }

    /// Its process id.
    var id: Int32? { get async { await current?.id } }

    /// Bytes of physical memory that it holds.
    var residentBytes: Int {
        get async throws {
            guard let id = await current?.id else { return 0 }
            let status = try String(contentsOfFile: "/proc/\(id)/status", encoding: .utf8)
            let line = status.split(separator: "\n").first { $0.hasPrefix("VmRSS:") } ?? ""
            return (line.split(whereSeparator: { !$0.isNumber }).first.flatMap { Int($0) } ?? 0) * 1024
        }
    }

    /// The end of what it has written.
    var lastLines: String { (try? String(contentsOfFile: log, encoding: .utf8).suffix(3000)).map(String.init) ?? "" }
}
