import Foundation

/// The Postgres server of a test process, started at the first use.
public actor TestServer {
    /// The one server that suites share. Suites that kill their server start one of their own.
    public static let shared = TestServer()

    private typealias Failure = TestProcess.Failure

    private var starting: Task<String, any Error>?
    private let isPrivate: Bool
    /// The folder of the cluster.
    private let folder: URL
    /// The end of the watchdog's input: a shell that waits for it and then removes the cluster. The kernel closes it when this process ends, however it ends.
    private var watchdog: Int32 = -1

    /// A server that is private in any case, or only when the environment names none.
    public init(alwaysPrivate: Bool = false) {
        isPrivate = alwaysPrivate || ProcessInfo.processInfo.environment["MARTLET_TEST_DATABASE_URL"] == nil
        folder = Self.package.appending(
            path:
                ".build/test-servers/postgres-\(ProcessInfo.processInfo.processIdentifier)-\(UUID().uuidString.prefix(8))"
        )
    }

    deinit { if watchdog >= 0 { close(watchdog) } }

    /// Where the server is; starts it if need be.
    public func url() async throws -> String {
        let task = starting ?? Task { try await open() }
        starting = task
        return try await task.value
    }

    private func open() async throws -> String {
        if !isPrivate, let url = TestProcess.environment["MARTLET_TEST_DATABASE_URL"] { return url }
        let child = try await TestProcess(
            "/bin/sh",
            ["-c", "exec >/dev/null; cat; \"$0\" kill \"$1\"; rm -rf \"$1\"", script, folder.path()],
            holdsInput: true,
            outlivesUs: true
        )
        watchdog = await child.releaseInput()
        return try await run("start")
    }

    /// Ends the server as a crash would; only for private ones.
    public func kill() async throws { _ = try await run("kill") }

    /// Starts the server again on the same port.
    public func restart() async throws { _ = try await run("start") }

    private static var package: URL {
        // <package>/Shared/TestSupport/TestServer.swift
        URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    }

    private var script: String { Self.package.appending(path: "deploy/local/postgres.sh").path() }

    private func run(_ action: String) async throws -> String {
        var environment = TestProcess.environment
        environment["POSTGRES_TEST"] = "1"
        // A port that a developer has set for psql is not meant for test servers.
        environment["PGPORT"] = nil
        return try await TestProcess.run("/bin/bash", [script, action, folder.path()], environment: environment)
    }

    /// The same server, another database.
    static func replacingDatabase(of url: String, by name: String) throws -> String {
        guard var components = URLComponents(string: url) else { throw Failure("not a URL") }
        components.path = "/" + name
        guard let text = components.string else { throw Failure("not a URL") }
        return text
    }
}
