internal import Synchronization

/// The client of a streamed response went away.
public struct ClientGone: Error, Sendable, CustomStringConvertible {
    /// Says so.
    public var description: String { "the client went away" }
}

/// Writes the body of a streamed response.
public final class ResponseWriter: Sendable {
    /// Why a stream should end.
    public enum Ending: Sendable, Hashable {
        /// The client went away, or has stopped sending, which a client that still listens rarely does.
        case clientGone
        /// The server is stopping; what is written still arrives, within the grace.
        case serverStopping
    }

    private let connection: Connection
    private let exchange: UInt64
    private let gone = Atomic(false)

    init(_ connection: Connection, exchange: UInt64) {
        self.connection = connection
        self.exchange = exchange
    }

    /// Sends bytes; returns when there is room for more.
    ///
    /// - Throws: `ClientGone` when the client went away or took nothing for too long, `CancellationError` when the
    ///   task was cancelled while it waited.
    public func write(_ bytes: [UInt8]) async throws { try await connection.write(bytes, exchange) }

    /// Whether the client seems to have gone.
    public var isClosed: Bool { gone.load(ordering: .relaxed) }

    /// Waits until the stream should end, without writing; also ends when the task is cancelled.
    @discardableResult
    public func closed() async -> Ending { await connection.streamEnding(exchange) }

    func markGone() { gone.store(true, ordering: .relaxed) }
}
