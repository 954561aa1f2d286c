import Glibc
import Kernel
public import Settings
public import Telemetry

/// The frame of every executable.
public struct Program: Sendable {
    /// What every service of the process gets.
    public struct Environment: Sendable {
        /// The process's logger; lines carry the program's name.
        public let logger: Logger
        /// The process's metrics.
        public let metrics: Metrics
        /// How long a stop may take.
        public let grace: Duration

        /// An environment from its parts, for tests and for `Program` itself.
        public init(logger: Logger, metrics: Metrics, grace: Duration) {
            self.logger = logger
            self.metrics = metrics
            self.grace = grace
        }
    }

    /// The settings that every service has.
    struct CommonSettings {
        let level: LogLevel
        let format: LogSink.Format
        let grace: Duration

        init(_ reader: inout SettingsReader) {
            level = reader.choice("LOG_LEVEL", "least level of log lines", default: LogLevel.info)
            format = reader.choice("LOG_FORMAT", "form of log lines", default: LogSink.Format.json)
            grace = reader.milliseconds(
                "SHUTDOWN_GRACE_MS",
                "how long a stop may take",
                default: 20_000,
                in: 0...600_000
            )
        }
    }

    /// Runs a service program: reads settings, composes services, runs them until a signal, and exits.
    ///
    /// - Parameters:
    ///   - name: the program's name, in logs and in `--help`.
    ///   - defaultPort: where the program listens when `PORT` says nothing; `--check-health` asks there.
    ///   - switches: options that stand for a setting being `true`, such as `--verbose` for `VERBOSE`.
    ///   - settings: reads the program's settings; mistakes are collected by the reader.
    ///   - compose: makes the services, in order of dependency.
    /// - Returns: never. The exit status is 0 after a clean stop, 1 after a failure, 2 for bad settings or usage.
    public static func run<Configuration: Sendable>(
        _ name: String,
        defaultPort: UInt16,
        switches: [String: String] = [:],
        arguments: [String] = CommandLine.arguments,
        environment: [String: String] = Settings.Environment.current(),
        settings: (inout SettingsReader) -> Configuration,
        compose: (Configuration, Environment) async throws -> [any Service]
    ) async -> Never {
        var options = Set(arguments.dropFirst())
        var environment = environment
        for (option, setting) in switches where options.remove(option) != nil { environment[setting] = "true" }
        var reader = SettingsReader(environment: environment)
        let common = CommonSettings(&reader)
        let configuration = settings(&reader)
        if options == ["--print-settings"] {
            print(SettingsTable.text(reader.entries))
            exit(reader.problems.isEmpty ? 0 : 2)
        }
        if options == ["--describe-settings"] {
            var blank = SettingsReader(environment: [:])
            _ = CommonSettings(&blank)
            _ = settings(&blank)
            print(SettingsTable.markdown(blank.entries))
            exit(0)
        }
        if options == ["--check-health"] {
            let port = UInt16(environment["PORT"] ?? "") ?? defaultPort
            exit(LoopbackProbe.answersOK(port: port, path: "/ready", within: 5) ? 0 : 1)
        }
        if options == ["--version"] {
            print("\(name) \(Version.current)")
            exit(0)
        }
        guard options.isEmpty else {
            let own = switches.keys.sorted().map { " [\($0)]" }.joined()
            fail(
                "usage: \(name)\(own) [--print-settings | --describe-settings | --check-health | --version]",
                status: 2
            )
        }
        guard reader.problems.isEmpty else {
            fail("\(name): the settings have mistakes:\n" + reader.problems.map { "  - \($0)\n" }.joined(), status: 2)
        }

        let logger = Logger(.standardError(level: common.level, format: common.format)).with(["service": name])
        signal(SIGPIPE, SIG_IGN)
        let stop = StopSignal()
        let signals = ProcessSignals(raising: stop)
        do {
            let program = Environment(logger: logger, metrics: Metrics(), grace: common.grace)
            let services = try await compose(configuration, program)
            try await ServiceGroup(services, grace: common.grace, logger: logger).run(until: stop)
            logger.info("stopped")
            withExtendedLifetime(signals) {}
            exit(0)
        } catch {
            logger.error("ended by a failure", ["error": "\(error)"])
            exit(1)
        }
    }

    private static func fail(_ message: String, status: Int32) -> Never {
        let bytes = Array((message + "\n").utf8)
        // The pointer is used during the call only.
        _ = unsafe bytes.withUnsafeBytes { unsafe write(2, $0.baseAddress, $0.count) }
        exit(status)
    }
}
