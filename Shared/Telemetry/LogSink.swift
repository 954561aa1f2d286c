import Concurrency
import Glibc
public import Kernel

/// Where log lines go, and in which form.
public final class LogSink: Sendable {
    /// How a line is written.
    public enum Format: String, Sendable, CaseIterable {
        /// One JSON object.
        case json
        /// Time, level, message and facts in columns, for people.
        case text
    }

    /// Lines below this level are not written.
    public let level: LogLevel
    private let format: Format
    private let clock: WallClock
    private let write: @Sendable (String) -> Void

    /// A sink that gives each line, without its line end, to `write`.
    public init(
        level: LogLevel,
        format: Format = .json,
        clock: WallClock,
        write: @escaping @Sendable (String) -> Void
    ) {
        self.level = level
        self.format = format
        self.clock = clock
        self.write = write
    }

    /// A sink on the process's standard error. Each line is one `write`, so lines of several threads never mix.
    public static func standardError(level: LogLevel, format: Format) -> LogSink {
        LogSink(level: level, format: format, clock: .system) { line in
            let bytes = Array((line + "\n").utf8)
            // The pointer is used during the call only; a short or failed write loses a log line, never more.
            _ = unsafe bytes.withUnsafeBytes { unsafe Glibc.write(2, $0.baseAddress, $0.count) }
        }
    }

    func write(_ level: LogLevel, _ message: String, _ facts: [(String, String)]) {
        let time = clock.now().description
        switch format {
        case .json:
            var line = "{\"time\":\"\(time)\",\"level\":\"\(level.rawValue)\",\"message\":"
            JSONText.append(message, to: &line)
            for (name, value) in facts {
                line += ","
                JSONText.append(name, to: &line)
                line += ":"
                JSONText.append(value, to: &line)
            }
            write(line + "}")
        case .text:
            let facts = facts.map { " \($0)=\($1)" }.joined()
            write("\(time) \(level.rawValue.uppercased()) \(message)\(facts.replacing("\n", with: "⏎"))")
        }
    }
}

/// The few lines of JSON writing that logging needs; the JSON module stands beside this one, not below it.
enum JSONText {
    static func append(_ text: String, to line: inout String) {
        line += "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": line += "\\\""
            case "\\": line += "\\\\"
            case "\n": line += "\\n"
            case "\r": line += "\\r"
            case "\t": line += "\\t"
            case _ where scalar.value < 0x20:
                line += "\\u00" + Hex.encode([UInt8(scalar.value)])
            default: line.unicodeScalars.append(scalar)
            }
        }
        line += "\""
    }
}
