import Kernel
import Subprocess

/// Says why a program failed, in words for the job's owner.
enum CommandFailure {
    /// The failure that an ending means. `lastError` is the last line of standard error.
    static func failure(of ending: Ending, lastError: String?, timeout: Duration) -> ProviderFailure {
        switch (ending.stopped, ending.status) {
        case (.timedOut, _):
            ProviderFailure(code: "COMMAND_TIMEOUT", message: "the program took longer than \(timeout.milliseconds) ms")
        case (.outputLimit, _):
            ProviderFailure(code: "COMMAND_OUTPUT_LIMIT", message: "the program wrote too much", isRetryable: false)
        case (_, .signalled(24)):
            ProviderFailure(
                code: "COMMAND_CPU_LIMIT",
                message: "the program used up its processor time",
                isRetryable: false
            )
        case (_, .signalled(25)):
            ProviderFailure(
                code: "COMMAND_FILE_LIMIT",
                message: "the program wrote a file larger than results may be",
                isRetryable: false
            )
        case (_, .signalled(9)):
            ProviderFailure(code: "COMMAND_KILLED", message: "the program was killed; the machine may lack memory")
        case (_, .exited) where isDiskFull(lastError): .diskFull
        case (_, .exited(let status)):
            ProviderFailure(code: "COMMAND_FAILED", message: message("exit status \(status)", lastError))
        case (_, .signalled(let signal)):
            ProviderFailure(code: "COMMAND_FAILED", message: message("ended by signal \(signal)", lastError))
        }
    }

    private static func isDiskFull(_ line: String?) -> Bool {
        line.map { $0.contains("No space left on device") || $0.contains("Disk quota exceeded") } ?? false
    }

    private static func message(_ status: String, _ lastError: String?) -> String {
        guard let lastError else { return status }
        return String("\(status): \(lastError)".prefix(500))
    }

    /// A line without the paths of this machine and without control characters: what has a slash inside of it is
    /// shortened to what is behind the last one.
    static func cleaned(_ line: String) -> String {
        let words = line.split(separator: " ", omittingEmptySubsequences: false)
            .map { word -> Substring in
                guard let first = word.firstIndex(of: "/"), !word.contains("://"),
                    word[word.index(after: first)...].contains("/"), let last = word.lastIndex(of: "/")
                else { return word }
                return word[..<first] + word[word.index(after: last)...]
            }
        return String(
            words.joined(separator: " ").unicodeScalars.filter { $0.value >= 0x20 && $0.value != 0x7F }
                .map(Character.init)
        )
    }
}
