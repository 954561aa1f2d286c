public import Kernel

/// Reads settings from the environment and keeps account of every name, origin and mistake.
public struct SettingsReader {
    /// One setting as it was found, for `--print-settings` and for the documentation.
    public struct Entry: Sendable {
        /// The variable's name.
        public let name: String
        /// What it is for, in a phrase.
        public let help: String
        /// The value as text; dots for a secret.
        public let shown: String
        /// The default as text, `nil` when there is none.
        public let fallback: String?
        /// `environment`, `file` or `default`.
        public let origin: String
    }

    private let environment: [String: String]
    private let readFile: (String) throws -> String
    /// What has been read so far, in order.
    public private(set) var entries: [Entry] = []
    /// What is wrong, one sentence per mistake that names its variable.
    public private(set) var problems: [String] = []

    /// A reader of `environment`, which takes the contents of `…_FILE` variables from `readFile`.
    public init(environment: [String: String], readFile: @escaping (String) throws -> String = SettingsFile.read) {
        self.environment = environment
        self.readFile = readFile
    }

    /// Text. Without a `fallback` the setting is required, and a mistake yields an empty string.
    public mutating func string(_ name: String, _ help: String, default fallback: String? = nil) -> String {
        value(name, help, fallback: fallback, shown: SettingsReader.withoutPassword, as: "text") { $0 } ?? ""
    }

    /// Text that may be left out.
    public mutating func optionalString(_ name: String, _ help: String) -> String? {
        value(name, help, fallback: "", shown: SettingsReader.withoutPassword, as: "text") { $0 }
            .flatMap { $0.isEmpty ? nil : $0 }
    }

    /// A secret. Without a `fallback` it is required.
    public mutating func secret(_ name: String, _ help: String, default fallback: String? = nil) -> Secret<String> {
        Secret(value(name, help, fallback: fallback, shown: { $0.isEmpty ? "" : "•••" }, as: "text") { $0 } ?? "")
    }

    /// A secret that may be left out.
    public mutating func optionalSecret(_ name: String, _ help: String) -> Secret<String>? {
        let text = value(name, help, fallback: "", shown: { $0.isEmpty ? "" : "•••" }, as: "text") { $0 } ?? ""
        return text.isEmpty ? nil : Secret(text)
    }

    /// A whole number in `range`.
    public mutating func int(_ name: String, _ help: String, default fallback: Int, in range: ClosedRange<Int>) -> Int {
        let kind = "a whole number from \(range.lowerBound) to \(range.upperBound)"
        return value(name, help, fallback: "\(fallback)", shown: { $0 }, as: kind) {
            Int($0).flatMap { range.contains($0) ? $0 : nil }
        } ?? fallback
    }

    /// A length of time in milliseconds; by custom the name ends in `_MS`.
    public mutating func milliseconds(
        _ name: String,
        _ help: String,
        default fallback: Int,
        in range: ClosedRange<Int>
    ) -> Duration {
        .milliseconds(int(name, help, default: fallback, in: range))
    }

    /// `true` or `false`, also as `1`, `0`, `yes`, `no`, `on`, `off`.
    public mutating func flag(_ name: String, _ help: String, default fallback: Bool) -> Bool {
        value(name, help, fallback: fallback ? "true" : "false", shown: { $0 }, as: "true or false") { text in
            switch text.lowercased() {
            case "true", "1", "yes", "on": true
            case "false", "0", "no", "off": false
            default: nil
            }
        } ?? fallback
    }

    /// One of the cases of an enumeration, by its raw value.
    public mutating func choice<Choice: RawRepresentable<String> & CaseIterable>(
        _ name: String,
        _ help: String,
        default fallback: Choice
    ) -> Choice {
        let words = Choice.allCases.map(\.rawValue).joined(separator: ", ")
        return value(name, help, fallback: fallback.rawValue, shown: { $0 }, as: "one of \(words)") {
            Choice(rawValue: $0.lowercased())
        } ?? fallback
    }

    /// A text, with dots in place of what stands before the host if it is a URL.
    private static func withoutPassword(_ text: String) -> String {
        guard let start = text.firstRange(of: "://")?.upperBound else { return text }
        let authority = text[start...].prefix { !"/?#".contains($0) }
        guard let end = authority.lastIndex(of: "@") else { return text }
        return text[..<start] + "•••" + text[end...]
    }

    /// Notes a mistake that only several settings together show.
    public mutating func refuse(_ problem: String) { problems.append(problem) }

    private mutating func value<Value>(
        _ name: String,
        _ help: String,
        fallback: String?,
        shown: (String) -> String,
        as kind: String,
        _ parse: (String) -> Value?
    ) -> Value? {
        var found: (text: String, origin: String)?
        if let text = environment[name], !text.isEmpty { found = (text, "environment") }
        if let path = environment[name + "_FILE"], !path.isEmpty {
            if found != nil { problems.append("\(name) and \(name)_FILE are both set: keep one") }
            do {
                var text = try readFile(path)
                while text.last?.isNewline == true { text.removeLast() }
                found = (text, "file")
            } catch {
                problems.append("\(name)_FILE names a file that cannot be read")
            }
        }
        guard let (text, origin) = found ?? fallback.map({ ($0, "default") }) else {
            problems.append("\(name) is not set: \(help)")
            entries.append(Entry(name: name, help: help, shown: "", fallback: nil, origin: "missing"))
            return nil
        }
        entries.append(Entry(name: name, help: help, shown: shown(text), fallback: fallback.map(shown), origin: origin))
        guard let value = parse(text) else {
            problems.append("\(name) must be \(kind)")
            return nil
        }
        return value
    }
}
