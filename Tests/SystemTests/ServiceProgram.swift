import Foundation

/// One of the real executables, as an operator would run it: started, killed, started again.
final class ServiceProgram: @unchecked Sendable {
    // Sendable: used by one test at a time, which awaits each call.
    let name: String
    let port: Int
    private let environment: [String: String]
    private let log: FileHandle
    private var process: Process?

    init(_ name: String, port: Int, environment: [String: String], logs: URL) throws {
        self.name = name
        self.port = port
        self.environment = environment.merging(["PORT": "\(port)", "HOST": "127.0.0.1"]) { $1 }
        let file = logs.appending(path: "\(name).log")
        _ = FileManager.default.createFile(atPath: file.path, contents: nil)
        log = try FileHandle(forWritingTo: file)
        try log.seekToEnd()
    }

    /// Where SwiftPM puts the executables: beside the test bundle.
    static let folder = URL(filePath: CommandLine.arguments[0]).resolvingSymlinksInPath().deletingLastPathComponent()

    func start() throws {
        let process = Process()
        process.executableURL = ServiceProgram.folder.appending(path: name)
        process.environment = environment
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = log
        process.standardError = log
        try process.run()
        self.process = process
    }

    /// SIGKILL: what a crash leaves behind. Returns when the process is gone.
    func kill() {
        guard let process, process.isRunning else { return }
        Foundation.kill(process.processIdentifier, SIGKILL)
        process.waitUntilExit()
    }

    /// SIGTERM, and the exit status.
    func stop() -> Int32 {
        guard let process else { return -1 }
        if process.isRunning { process.terminate() }
        process.waitUntilExit()
        return process.terminationStatus
    }

    var isRunning: Bool { process?.isRunning ?? false }

    deinit { kill() }
}
