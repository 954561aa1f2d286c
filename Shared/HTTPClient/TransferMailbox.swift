import Concurrency

/// What callers tell the client's thread.
final class TransferMailbox: Sendable {
    enum Command: Sendable {
        case start(TransferPlan)
        /// The reader has caught up.
        case resume(UInt64)
        case cancel(UInt64)
    }

    private struct Content {
        var commands: [Command] = []
        var nextID: UInt64 = 0
        var transfers = 0
        var isStopping = false
    }

    let multi: MultiHandle
    private let content = Lock(Content())
    private let capacity: Int

    init(_ multi: MultiHandle, capacity: Int) {
        self.multi = multi
        self.capacity = capacity
    }

    /// Hands a transfer over; its id is for `resume` and `cancel`.
    func start(_ plan: (UInt64) -> TransferPlan) throws(ClientError) -> UInt64 {
        let result = content.withLock { content -> Result<UInt64, ClientError> in
            if content.isStopping { return .failure(.shutDown) }
            guard content.transfers < capacity else { return .failure(.overloaded) }
            content.transfers += 1
            content.nextID += 1
            content.commands.append(.start(plan(content.nextID)))
            return .success(content.nextID)
        }
        multi.wake()
        return try result.get()
    }

    func send(_ command: Command) {
        content.withLock { $0.commands.append(command) }
        multi.wake()
    }

    /// A transfer has ended; another may take its place.
    func ended() { content.withLock { $0.transfers -= 1 } }

    func takeAll() -> [Command] {
        content.withLock { content in
            defer { content.commands = [] }
            return content.commands
        }
    }

    var isStopping: Bool { content.withLock { $0.isStopping } }
    var transfers: Int { content.withLock { $0.transfers } }

    func stop() {
        content.withLock { $0.isStopping = true }
        multi.wake()
    }
}
