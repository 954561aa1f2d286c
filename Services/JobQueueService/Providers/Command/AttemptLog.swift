import Concurrency
import Kernel

/// Collects a program's lines and hands them on in batches: soon, but not each by itself.
actor AttemptLog {
    /// So many lines are written at once; a program that writes faster waits.
    private static let batch = 200

    private let attempt: Attempt
    private var lines: [String] = []
    private var room = LeaseStatements.maximumLogLines - 1

    init(_ attempt: Attempt) { self.attempt = attempt }

    /// Takes a line, of which the paths are cleaned. Those that the job's log has no room for cost nothing: a program may run wild.
    func append(_ line: String) async throws {
        guard room >= 0 else { return }
        lines.append(room > 0 ? CommandFailure.cleaned(line) : "… further lines are not kept")
        room -= 1
        if lines.count >= AttemptLog.batch { try await flush() }
    }

    /// Writes what has come, twice a second, until cancelled.
    func run() async throws {
        while true {
            try await Task.sleep(for: .milliseconds(500))
            try await flush()
        }
    }

    /// Writes what has come.
    func flush() async throws {
        guard !lines.isEmpty else { return }
        let batch = lines
        lines = []
        try await attempt.log(batch)
    }
}
