public import Settings

/// The settings of a program as a table, for `--print-settings` and for the operations page.
public enum SettingsTable {
    /// One line per setting: name, value (dots for a secret), origin and purpose.
    public static func text(_ entries: [SettingsReader.Entry]) -> String {
        let width = entries.map(\.name.count).max() ?? 0
        return
            entries.map { entry in
                let name = entry.name + String(repeating: " ", count: width - entry.name.count)
                return "\(name)  \(entry.shown.isEmpty ? "-" : entry.shown)  (\(entry.origin))  \(entry.help)"
            }
            .joined(separator: "\n")
    }

    /// The names, defaults and purposes as a Markdown table, for the documentation.
    public static func markdown(_ entries: [SettingsReader.Entry]) -> String {
        let rows = entries.map { entry in
            let fallback = entry.fallback.map { $0.isEmpty ? "–" : "`\($0)`" } ?? "required"
            return "| `\(entry.name)` | \(fallback) | \(entry.help.replacing("|", with: "\\|")) |"
        }
        return (["| variable | default | what it is |", "|---|---|---|"] + rows).joined(separator: "\n")
    }
}
