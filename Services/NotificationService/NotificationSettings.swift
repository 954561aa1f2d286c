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
    /// For how long a callback is tried.
    let callbackPatience: Duration
    /// Pages that may open WebSockets.
    let origins: OriginList
    /// Connections of one principal at a time.
    let connectionsPerUser: Int
    /// Callbacks at a time: to the agent, to one host, and to all hosts together.
    let callbacksToAgent: Int
    let callbacksToHost: Int
    let callbacksToHosts: Int

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
        callbackPatience = reader.milliseconds(
            "CALLBACK_GIVE_UP_MS",
            "for how long a callback is tried before it is dead",
            default: 259_200_000,
            in: 1...2_592_000_000
        )
        let origins = reader.optionalString(
            "ALLOWED_ORIGINS",
            "pages that may open WebSockets, as https://app.example.com,…; * for all; the host itself by default, in development all"
        )
        let fallback = OriginList(common.mode == .development ? .any : .sameHost)
        if let origins, let list = OriginList(origins) {
            self.origins = list
        } else {
            self.origins = fallback
            if origins != nil { reader.refuse("ALLOWED_ORIGINS must be origins such as https://app.example.com, or *") }
        }
        connectionsPerUser = reader.int(
            "MAX_CONNECTIONS_PER_USER",
            "WebSockets and streams of one token's owner; administrators have no limit",
            default: 1_000,
            in: 1...1_000_000
        )
        callbacksToAgent = reader.int(
            "CALLBACK_AGENT_AT_ONCE",
            "callbacks at a time to the agent",
            default: 64,
            in: 1...64
        )
        callbacksToHost = reader.int(
            "CALLBACK_HOST_AT_ONCE",
            "callbacks at a time to one host that a job named",
            default: 8,
            in: 1...64
        )
        callbacksToHosts = reader.int(
            "CALLBACK_HOSTS_AT_ONCE",
            "callbacks at a time to all such hosts together",
            default: 64,
            in: 1...1_000
        )
    }
}
