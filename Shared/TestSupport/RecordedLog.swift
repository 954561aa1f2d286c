internal import Concurrency
internal import Kernel
public import Telemetry

/// Log lines, for tests to look at.
public final class RecordedLog: Sendable {
    private let lines = Lock<[String]>([])

    /// None yet.
    public init() {}

    /// All lines so far.
    public var all: [String] { lines.withLock { $0 } }

    /// Adds a line: the place that a sink writes to.
    public func append(_ line: String) { lines.withLock { $0.append(line) } }

    /// A logger that writes here.
    public func logger(level: LogLevel = .debug) -> Logger {
        Logger(LogSink(level: level, clock: .system) { self.append($0) })
    }
}
