import Contracts

/// A job's progress as a line that is drawn again and again.
enum ProgressBar {
    static let width = 24

    static func text(_ update: JobUpdate) -> String {
        let fraction = update.status == .completed ? 1 : min(max(update.fraction ?? 0, 0), 1)
        let filled = Int((fraction * Double(width)).rounded())
        let bar = String(repeating: "█", count: filled) + String(repeating: "░", count: width - filled)
        let percent = "\(Int((fraction * 100).rounded()))"
        let gap = String(repeating: " ", count: 3 - percent.count)
        let note = update.status.isFinal ? update.error ?? update.resultURL : update.message
        return "\(update.kind)  \(bar) \(gap)\(percent) %  \(update.status.rawValue)"
            + (note.map { "  \(printable($0))" } ?? "")
    }

    /// Text from elsewhere without control characters, which could move the cursor or worse.
    static func printable(_ text: String) -> String {
        String(
            String.UnicodeScalarView(
                text.unicodeScalars.map { $0.value < 32 || (127...159).contains($0.value) ? " " : $0 }
            )
        )
    }
}
