import Foundation
import Synchronization
import TestSupport

/// One of the real executables, as an operator would run it: started, killed, started again.
final class ServiceProgram: Sendable {
    let name: String
    let port: Int
    private let environment: [String: String]
    private let log: String
    private let process = Mutex<TestProcess?>(nil)

    init(_ name: String, port: Int, environment: [String: String], logs: URL) {
        self.name = name
        self.port = port
        self.environment = environment.merging(["PORT": "\(port)", "HOST": "127.0.0.1"]) { $1 }
        log = logs.appending(path: "\(name).log").path
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

    /// SIGTERM, and the exit status.
    func stop() async -> Int32 {
        await current?.signal(SIGTERM)
        return await current?.wait() ?? -1
    }

    var isRunning: Bool { get async { await current?.isRunning ?? false } }

    /// The end of what it has written.
    var lastLines: String { (try? String(contentsOfFile: log, encoding: .utf8).suffix(3000)).map(String.init) ?? "" }
}
