/// Why the service closes a WebSocket.
enum CloseCode: UInt16, Sendable {
    case badRequest = 4000
    case unauthenticated = 4001
    case forbidden = 4003
    case slowConsumer = 4008
    case tooMany = 4009
    case tokenExpired = 4010
    case restart = 4012
    case rateLimited = 4029

    /// What the client should do, as the close's reason: short JSON.
    var reason: String {
        switch self {
        case .badRequest: #"{"action":"fix_client"}"#
        case .unauthenticated, .tokenExpired: #"{"action":"get_new_token"}"#
        case .forbidden: #"{"action":"get_other_token"}"#
        case .slowConsumer: #"{"action":"resume","retry_ms":1000}"#
        case .tooMany: #"{"action":"watch_fewer_contexts"}"#
        case .restart: #"{"action":"resume"}"#
        case .rateLimited: #"{"action":"slow_down","retry_ms":1000}"#
        }
    }
}
