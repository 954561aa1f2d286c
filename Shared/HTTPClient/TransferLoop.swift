import CCurl
import Concurrency

/// The client's thread: the only place where libcurl works.
///
/// A turn of the loop: take what callers ask for, let libcurl do what it can, answer for what has ended, then wait
/// for a socket, a timer or a caller.
actor TransferLoop {
    /// A transfer and the handle that runs it; the handle lends the transfer to libcurl, so they go together.
    private final class Running {
        let transfer: Transfer
        var easy: EasyHandle

        init(_ transfer: Transfer) {
            self.transfer = transfer
            easy = EasyHandle()
        }
    }

    private let executor: ThreadExecutor
    nonisolated var unownedExecutor: UnownedSerialExecutor { unsafe executor.asUnownedSerialExecutor() }

    private let mailbox: TransferMailbox
    private let settings: ClientSettings
    private var running: [UInt64: Running] = [:]
    private var nextIdleCheck: ContinuousClock.Instant?

    init(_ mailbox: TransferMailbox, _ settings: ClientSettings) {
        self.mailbox = mailbox
        self.settings = settings
        executor = ThreadExecutor(name: "http-client")
    }

    /// Holds the thread until the mailbox says stop; what runs then fails with `shutDown`.
    func run() {
        let multi = mailbox.multi
        while true {
            for command in mailbox.takeAll() { obey(command) }
            if mailbox.isStopping { break }
            multi.perform()
            while let (id, code) = multi.nextDone() { end(id, code: code, error: nil) }
            checkIdle()
            let limit = nextIdleCheck.map { min(.seconds(10), max(.zero, $0 - .now)) } ?? .seconds(10)
            multi.wait(atMost: limit)
        }
        for id in Array(running.keys) { end(id, code: CURLE_OK, error: .shutDown) }
    }

    private func obey(_ command: TransferMailbox.Command) {
        switch command {
        case .start(let plan):
            let entry = Running(Transfer(plan, settings))
            running[plan.id] = entry
            do throws(ClientError) {
                try entry.easy.prepare(entry.transfer, settings)
                mailbox.multi.add(entry.easy)
                note(entry.transfer)
            } catch {
                end(plan.id, code: CURLE_OK, error: error)
            }
        case .resume(let id):
            guard let entry = running[id], entry.transfer.isPaused else { return }
            entry.transfer.resumed()
            entry.easy.resume()
            note(entry.transfer)
        case .cancel(let id):
            // Nobody listens any more; the error is for completeness.
            end(id, code: CURLE_OK, error: .connectionLost)
        }
    }

    private func end(_ id: UInt64, code: CURLcode, error: ClientError?) {
        guard let entry = running.removeValue(forKey: id) else { return }
        mailbox.multi.remove(entry.easy)
        entry.transfer.finish(code: code, error: error, easy: entry.easy)
        mailbox.ended()
    }

    private func note(_ transfer: Transfer) {
        guard let deadline = transfer.idleDeadline else { return }
        nextIdleCheck = nextIdleCheck.map { min($0, deadline) } ?? deadline
    }

    /// Looks at all transfers only when the earliest deadline known has come; deadlines only move away meanwhile.
    private func checkIdle() {
        guard let due = nextIdleCheck, .now >= due else { return }
        nextIdleCheck = nil
        let now = ContinuousClock.now
        let silent = running.values.filter { $0.transfer.idleDeadline.map { $0 <= now } ?? false }
        for entry in silent { end(entry.transfer.plan.id, code: CURLE_OK, error: .timedOut(.idle)) }
        for entry in running.values { note(entry.transfer) }
    }
}
