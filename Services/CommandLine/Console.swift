import Concurrency
import Glibc

/// Where a command writes: its results to one place, what it has to say about them to another.
struct Console: Sendable {
    /// Writes text of results.
    let write: @Sendable (String) -> Void
    /// Writes remarks and mistakes.
    let writeRemark: @Sendable (String) -> Void
    /// Whether somebody watches: lines may be drawn again.
    let isTerminal: Bool

    /// Writes a line of results.
    func line(_ text: String) { write(text + "\n") }
    /// Writes a remark as a line.
    func remark(_ text: String) { writeRemark(text + "\n") }

    /// The process's own.
    static let standard = Console(
        write: { put($0, on: STDOUT_FILENO) },
        writeRemark: { put($0, on: STDERR_FILENO) },
        isTerminal: isatty(STDOUT_FILENO) == 1
    )

    /// Unbuffered, so that lines reach a pipe as they come.
    private static func put(_ text: String, on descriptor: Int32) {
        let bytes = Array(text.utf8)
        var done = 0
        while done < bytes.count {
            // The pointer is used during the call only.
            let count = unsafe bytes[done...]
                .withUnsafeBytes { unsafe Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            // Who reads has gone: there is nobody to tell.
            guard count > 0 else { return }
            done += count
        }
    }
}
