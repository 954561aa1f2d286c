import Foundation

/// A real broker for tests.
///
/// `TestRabbitMQ.shared()` is the broker that `MARTLET_TEST_BROKER_URL` names (its folder, for `ctl`, is in
/// `MARTLET_TEST_RABBITMQ_FOLDER`), or one private node that the first caller starts for the whole test process.
/// Each suite takes a virtual host of its own from it. A test that kills, freezes or alarms a broker starts one of
/// its own with `startPrivate()`.
///
/// A private node is held by a guard process that waits for the end of a pipe. However this process ends, the kernel
/// closes the pipe, and the guard stops the node and deletes its folder.
public final class TestRabbitMQ: Sendable {
    private typealias Failure = TestProcess.Failure

    /// Where the node keeps everything; for `ctl`.
    public let folder: String
    /// `amqp://user:password@host:port`, without a virtual host.
    public let baseURL: String
    private let guardPipe: Int32

    private static let sharedBroker = Task { try await TestRabbitMQ.open() }

    /// The broker that all suites of this process share.
    public static func shared() async throws -> TestRabbitMQ { try await sharedBroker.value }

    /// A node of its own; it ends with the returned object. Configuration lines are added to its own.
    public static func startPrivate(configuration: String = "") async throws -> TestRabbitMQ {
        try await guarded(configuration: configuration)
    }

    private init(folder: String, url: String, guardPipe: Int32) {
        self.folder = folder
        // The URL ends in the default virtual host.
        baseURL = String(url.prefix(upTo: url.lastIndex(of: "/") ?? url.endIndex))
        self.guardPipe = guardPipe
    }

    deinit { if guardPipe >= 0 { close(guardPipe) } }

    private static func open() async throws -> TestRabbitMQ {
        guard let url = TestProcess.environment["MARTLET_TEST_BROKER_URL"] else {
            return try await guarded(configuration: "")
        }
        guard let folder = TestProcess.environment["MARTLET_TEST_RABBITMQ_FOLDER"] else {
            throw Failure("MARTLET_TEST_BROKER_URL needs MARTLET_TEST_RABBITMQ_FOLDER beside it")
        }
        return TestRabbitMQ(folder: folder, url: url, guardPipe: -1)
    }

    private static func guarded(configuration: String) async throws -> TestRabbitMQ {
        let number = UInt32.random(in: 0 ... .max)
        let folder = packageFolder + "/.build/test-servers/rabbitmq-\(getpid())-\(number)"
        try FileManager.default.createDirectory(atPath: folder + "/conf.d", withIntermediateDirectories: true)
        if !configuration.isEmpty {
            try configuration.write(toFile: folder + "/conf.d/test.conf", atomically: true, encoding: .utf8)
        }
        let child = try await TestProcess(script, ["guard", folder], holdsInput: true, outlivesUs: true)
        let url = await child.readLine()
        guard url.hasPrefix("amqp://") else {
            throw Failure("the broker in \(folder) did not start: \(url)")
        }
        return TestRabbitMQ(folder: folder, url: url, guardPipe: await child.releaseInput())
    }

    // MARK: - Virtual hosts

    /// A new, empty virtual host; returns its URL. It goes with the broker, or with `removeVirtualHost`.
    public func makeVirtualHost(_ name: String) async throws -> String {
        let unique = "\(name)-\(getpid())-\(UInt32.random(in: 0 ... .max))"
        _ = try await ctl("add_vhost", unique)
        let user = baseURL.dropFirst("amqp://".count).prefix { $0 != ":" }
        _ = try await ctl("set_permissions", "-p", unique, String(user), ".*", ".*", ".*")
        return baseURL + "/" + unique
    }

    /// Removes a virtual host by its URL, with everything in it; one of a private node is left to go with the node.
    public func removeVirtualHost(_ url: String) async throws {
        if guardPipe >= 0 { return }
        _ = try await ctl("delete_vhost", String(url.dropFirst(baseURL.count + 1)))
    }

    // MARK: - Control

    /// Runs `rabbitmqctl` against the node and returns what it writes.
    public func ctl(_ arguments: String...) async throws -> String {
        try await TestProcess.run(Self.script, ["ctl", folder] + arguments)
    }

    /// Runs another command of the script: `start`, `stop`, `kill`.
    public func control(_ command: String) async throws {
        _ = try await TestProcess.run(Self.script, [command, folder])
    }

    /// Sends a signal to the node: SIGSTOP makes it a dead peer whose connections stay open.
    public func signal(_ number: Int32) async throws {
        let text = try await TestProcess.run(Self.script, ["pid", folder])
        guard let process = pid_t(text), kill(process, number) == 0 else {
            throw Failure("the node could not be signalled")
        }
    }

    private static var packageFolder: String {
        #filePath.split(separator: "/").dropLast(3).map { "/" + $0 }.joined()
    }

    private static var script: String { packageFolder + "/deploy/local/rabbitmq.sh" }
}
