/// The body of a streaming response, for one reader. Ends the transfer when the last reference to it goes.
///
/// The sender is held up while 256 KiB wait to be read. Fails with `ClientError`, or `CancellationError` when the
/// reading task is cancelled.
public final class ResponseBody: AsyncSequence, AsyncIteratorProtocol, Sendable {
    /// Bytes as they came, at most 16 KiB (64 KiB on a fast connection) at a time.
    public typealias Element = [UInt8]

    let channel: ResponseChannel
    private let mailbox: TransferMailbox
    private let id: UInt64

    init(_ channel: ResponseChannel, _ mailbox: TransferMailbox, id: UInt64) {
        self.channel = channel
        self.mailbox = mailbox
        self.id = id
    }

    deinit { cancel() }

    /// The next bytes, `nil` at the end.
    public func next() async throws -> [UInt8]? {
        do {
            return try await channel.take { mailbox.send(.resume(id)) }
        } catch {
            cancel()
            throw error
        }
    }

    /// The next bytes, `nil` at the end.
    public func next(isolation actor: isolated (any Actor)?) async throws -> [UInt8]? { try await next() }

    /// The body itself.
    public func makeAsyncIterator() -> ResponseBody { self }

    /// Ends the transfer now; further reading fails or ends.
    public func cancel() {
        if !channel.isEnded { mailbox.send(.cancel(id)) }
    }
}
