import Concurrency
public import Contracts
import HTTPServer
import Postgres

extension ServiceError {
    /// What a caller may know of an error that nobody turned into a refusal; `nil` for a fault of ours.
    public static func describing(_ error: any Error) -> ServiceError? {
        switch error {
        case let error as ServiceError: error
        case let error as PostgresError: describing(error)
        case is DeadlineExceeded: ServiceError(.deadlineExceeded, "it took too long; try again")
        case is AsyncSemaphore.Full:
            ServiceError(.serviceUnavailable, "too many requests are waiting; try again", retryAfter: .seconds(1))
        default: nil
        }
    }

    /// What a caller is told when the server answers by itself.
    static func describing(_ failure: RoutingFailure) -> ServiceError {
        let code = ErrorCode(failure.code, failure.status.code, retryable: failure.isRetryable)
        return ServiceError(code, failure.message)
    }

    private static func describing(_ error: PostgresError) -> ServiceError? {
        switch error.kind {
        case .unavailable, .poolExhausted, .closed:
            ServiceError(.serviceUnavailable, "the database is not available; try again", retryAfter: .seconds(1))
        case .connectionLost, .commitUnknown:
            ServiceError(
                .serviceUnavailable,
                "the database was lost during the request, which may have had its effect; repeat it with its Idempotency-Key",
                retryAfter: .seconds(1)
            )
        case .timedOut: ServiceError(.deadlineExceeded, "the database took too long; try again")
        case .server where error.isRetriable || error.isConnectionLost:
            ServiceError(.serviceUnavailable, "the database was busy with this; try again", retryAfter: .seconds(1))
        case .server where error.code == .undefinedTable || error.code == .undefinedColumn:
            ServiceError(.serviceUnavailable, "the service is starting; try again", retryAfter: .seconds(1))
        case .server where error.code == .characterNotInRepertoire:
            .invalid("", "a text holds the character U+0000, which cannot be stored")
        case .server, .decoding, .invalidSettings, .migration: nil
        }
    }
}
