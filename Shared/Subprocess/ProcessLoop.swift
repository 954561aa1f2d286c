internal import Concurrency
internal import Glibc

/// The thread that starts all programs and looks after them.
///
/// It lives as long as the process: the kernel kills a program when the *thread* that started it ends. A turn of the
/// loop: take what callers ask for, let every child read, write and end as it can, then wait for a descriptor, a
/// deadline or a caller.
actor ProcessLoop {
    /// What callers ask for.
    enum Message: Sendable {
        case start(StartOrder)
        case stop(UInt64, Ending.Reason)
        /// A reader made room.
        case look
    }

    /// Messages, and the event that ends the loop's wait.
    private final class Mailbox: Sendable {
        let event = DescriptorHandle.event()
        private let messages = Lock<[Message]>([])

        func send(_ message: Message) {
            messages.withLock { $0.append(message) }
            event.signal()
        }

        func takeAll() -> [Message] {
            event.drain()
            return messages.withLock { messages in
                defer { messages = [] }
                return messages
            }
        }
    }

    static let shared: ProcessLoop = {
        let loop = ProcessLoop()
        // Never ends, as its thread must not.
        Task { await loop.run() }
        return loop
    }()

    private let executor = ThreadExecutor(name: "processes")
    // The actor holds the executor, so the reference cannot dangle.
    nonisolated var unownedExecutor: UnownedSerialExecutor { unsafe executor.asUnownedSerialExecutor() }

    private let mailbox = Mailbox()
    private var children: [UInt64: Child] = [:]
    private var buffer = [UInt8](repeating: 0, count: 65_536)

    nonisolated func send(_ message: Message) { mailbox.send(message) }

    private func run() -> Never {
        blockBrokenPipeSignal()
        while true {
            for message in mailbox.takeAll() { obey(message) }
            for (id, child) in children {
                guard let ending = child.turn(&buffer) else { continue }
                children[id] = nil
                child.order.end(.success(ending))
            }
            wait()
        }
    }

    private func obey(_ message: Message) {
        switch message {
        case .start(let order):
            do throws(SubprocessError) {
                children[order.id] = try Child(order)
            } catch {
                order.end(.failure(error))
            }
        case .stop(let id, let reason): children[id]?.stop(reason)
        case .look: break
        }
    }

    private func wait() {
        var polls = [pollfd(fd: mailbox.event.number, events: Int16(POLLIN), revents: 0)]
        for child in children.values { polls += child.polls }
        var limit: Int32 = -1
        if let next = children.values.compactMap(\.deadline).min() {
            // Rounded up, lest the loop turn idly within the last millisecond.
            let left = max(.zero, next - .now) / Duration.milliseconds(1)
            limit = Int32(min(left.rounded(.up), 60_000))
        }
        // The array's own count; its contents are not needed after the call, for every child looks for itself.
        _ = unsafe poll(&polls, nfds_t(polls.count), limit)
    }

    /// A write to a program that has gone returns an error instead of ending us.
    private func blockBrokenPipeSignal() {
        var signals = sigset_t()
        // The set is a local, used during the calls only; no old set is asked for.
        unsafe sigemptyset(&signals)
        unsafe sigaddset(&signals, SIGPIPE)
        unsafe pthread_sigmask(SIG_BLOCK, &signals, nil)
    }
}
