import Kernel

/// Writes log lines: a constant message, and facts as metadata.
///
/// Messages are lower-case sentences without values; ids, errors and numbers go into metadata so that lines can
/// be grouped and searched.
public struct Logger: Sendable {
    /// Facts of a line by name.
    public typealias Metadata = KeyValuePairs<String, any CustomStringConvertible & Sendable>

    private let sink: LogSink
    private let context: [(String, String)]

    /// A logger that writes to `sink`.
    public init(_ sink: LogSink) {
        self.sink = sink
        context = []
    }

    private init(_ sink: LogSink, context: [(String, String)]) {
        self.sink = sink
        self.context = context
    }

    /// A logger that writes nothing.
    public static let silent = Logger(LogSink(level: .error, clock: .system) { _ in })

    /// A logger that adds `metadata` to each of its lines.
    public func with(_ metadata: Metadata) -> Logger {
        Logger(sink, context: context + metadata.map { ($0.key, $0.value.description) })
    }

    /// Whether lines of `level` are written; ask before computing costly metadata.
    public func writes(_ level: LogLevel) -> Bool { level >= sink.level }

    /// Something only a developer wants to know.
    public func debug(_ message: StaticString, _ metadata: Metadata = [:]) { log(.debug, message, metadata) }
    /// Something an operator wants to know afterwards.
    public func info(_ message: StaticString, _ metadata: Metadata = [:]) { log(.info, message, metadata) }
    /// Something an operator should look at some day.
    public func warning(_ message: StaticString, _ metadata: Metadata = [:]) { log(.warning, message, metadata) }
    /// Something an operator should look at now.
    public func error(_ message: StaticString, _ metadata: Metadata = [:]) { log(.error, message, metadata) }

    /// Writes a line of `level`.
    public func log(_ level: LogLevel, _ message: StaticString, _ metadata: Metadata = [:]) {
        guard level >= sink.level else { return }
        sink.write(level, message.description, context + metadata.map { ($0.key, $0.value.description) })
    }
}
