import Edge
import Kernel
import Settings

/// What the notification service is told by its environment.
struct NotificationSettings: Sendable {
    let common: ServiceSettings
    /// Whether callbacks may go to addresses that are not public.
    let allowsPrivateCallbacks: Bool
    /// How long a failed callback waits for its next attempt.
    let callbackBackoff: Backoff
    /// Attempts after which a callback is dead.
    let callbackAttempts: Int

    init(_ reader: inout SettingsReader) {
        common = ServiceSettings(&reader, service: "notification", port: 8082)
        allowsPrivateCallbacks = reader.flag(
            "ALLOW_PRIVATE_CALLBACKS",
            "whether a job's callback_url may name an address that is not public",
            default: common.mode == .development
        )
        callbackBackoff = Backoff(
            from: reader.milliseconds(
                "CALLBACK_RETRY_INITIAL_MS",
                "bound of the first wait before a callback is tried again",
                default: 1_000,
                in: 1...3_600_000
            ),
            cap: reader.milliseconds(
                "CALLBACK_RETRY_CAP_MS",
                "bound of every wait before a callback is tried again",
                default: 3_600_000,
                in: 1...86_400_000
            )
        )
        callbackAttempts = reader.int(
            "CALLBACK_ATTEMPTS",
            "attempts after which a callback is dead",
            default: 10,
            in: 1...100
        )
    }
}
