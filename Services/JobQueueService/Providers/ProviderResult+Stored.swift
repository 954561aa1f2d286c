import Crypto
import JSON
import Kernel

extension ResultStore.Stored {
    /// The facts about a stored result.
    func details(duration: Duration? = nil) -> RawJSON {
        RawJSON(
            JSONWriter.bytes { json in
                json.object {
                    $0.member("bytes", bytes)
                    $0.member("sha256", Hex.encode(sha256))
                    $0.member("media_type", mediaType)
                    if let duration { $0.member("duration_ms", duration.milliseconds) }
                }
            }
        )
    }
}

extension ProviderFailure {
    /// No further attempt would yield less.
    static let resultTooLarge = ProviderFailure(
        code: "RESULT_TOO_LARGE",
        message: "the result is larger than results may be",
        isRetryable: false
    )

    /// Another attempt finds room perhaps.
    static let diskFull = ProviderFailure(
        code: "DISK_FULL",
        message: "there was no room for the job's files",
        retryAfter: .seconds(60)
    )
}
