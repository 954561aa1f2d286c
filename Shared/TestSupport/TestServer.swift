import Foundation

/// The Postgres server of a test process, started at the first use.
public actor TestServer {
    /// The one server that suites share. Suites that kill their server start one of their own.
    public static let shared = TestServer()

    private struct Failure: Error, CustomStringConvertible {
        let description: String
    }

    private var started: String?
    private let isPrivate: Bool
    /// The folder of the cluster.
    private let folder: URL
    /// The writing end of the watchdog's input: the kernel closes it when this process ends, however it ends.
    private var watchdog: Pipe?

    /// A server that is private in any case, or only when the environment names none.
    public init(alwaysPrivate: Bool = false) {
        isPrivate = alwaysPrivate || ProcessInfo.processInfo.environment["MARTLET_TEST_DATABASE_URL"] == nil
        folder = Self.package.appending(
            path:
                ".build/test-servers/postgres-\(ProcessInfo.processInfo.processIdentifier)-\(UUID().uuidString.prefix(8))"
        )
    }

    /// Where the server is; starts it if need be.
    public func url() throws -> String {
        if let started { return started }
        guard isPrivate else {
            guard let url = ProcessInfo.processInfo.environment["MARTLET_TEST_DATABASE_URL"] else {
                throw Failure(description: "MARTLET_TEST_DATABASE_URL is not set")
            }
            started = url
            return url
        }
        try startWatchdog()
        let url = try run("start")
        started = url
        return url
    }

    /// Ends the server as a crash would; only for private ones.
    public func kill() throws { _ = try run("kill") }

    /// Starts the server again on the same port.
    public func restart() throws { _ = try run("start") }

    private static var package: URL {
        // <package>/Shared/TestSupport/TestServer.swift
        URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    }

    private var script: String { Self.package.appending(path: "deploy/local/postgres.sh").path() }

    private func run(_ action: String) throws -> String {
        let process = Process()
        process.executableURL = URL(filePath: "/bin/bash")
        process.arguments = [script, action, folder.path()]
        var environment = ProcessInfo.processInfo.environment
        environment["POSTGRES_TEST"] = "1"
        // A port that a developer has set for psql is not meant for test servers.
        environment["PGPORT"] = nil
        process.environment = environment
        let output = Pipe()
        process.standardOutput = output
        try process.run()
        let text = try output.fileHandleForReading.readToEnd() ?? Data()
        process.waitUntilExit()
        guard process.terminationStatus == 0 else { throw Failure(description: "postgres.sh \(action) failed") }
        return String(decoding: text, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
    }

    /// A shell in a session of its own that waits for this process to end and then removes the cluster.
    private func startWatchdog() throws {
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/setsid")
        process.arguments = [
            "/bin/bash", "-c", "cat >/dev/null; \"$0\" kill \"$1\"; rm -rf \"$1\"", script, folder.path(),
        ]
        let input = Pipe()
        process.standardInput = input
        // Nothing may hold the test runner's own output open.
        process.standardOutput = FileHandle.nullDevice
        process.standardError = FileHandle.nullDevice
        try process.run()
        try input.fileHandleForReading.close()
        watchdog = input
    }

    /// The same server, another database.
    static func replacingDatabase(of url: String, by name: String) throws -> String {
        guard var components = URLComponents(string: url) else { throw Failure(description: "not a URL") }
        components.path = "/" + name
        guard let text = components.string else { throw Failure(description: "not a URL") }
        return text
    }
}
