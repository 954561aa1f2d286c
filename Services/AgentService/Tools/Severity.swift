/// How much a message matters, by RFC 5424; the least first.
enum Severity: String, Sendable, CaseIterable, Comparable {
    case debug, info, notice, warning, error, critical, alert, emergency

    private var rank: Int { Severity.allCases.firstIndex(of: self) ?? 0 }

    static func < (left: Severity, right: Severity) -> Bool { left.rank < right.rank }
}
