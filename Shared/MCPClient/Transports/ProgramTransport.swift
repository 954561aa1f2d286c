import Concurrency
import JSON
import Kernel
import Subprocess
import Telemetry

/// A server that is a program: messages are lines of its standard input and output. What it writes to its standard error
/// goes into the log, within bounds.
final class ProgramTransport: Transport {
    /// Bytes of a line.
    static let maximumLine = 4 << 20
    /// Lines of its output that are no messages: some programs greet.
    private static let maximumNoise = 100

    let silenceIsLegacy = true
    private let command: Command
    private let logger: Logger
    private let mask: SecretMask
    private let heard: @Sendable (Message) -> Void
    private let pending = PendingAnswers()
    private let input = Lock<ProgramInput?>(nil)

    /// A program; `heard` is told what it says unasked.
    init(
        _ command: Command,
        logger: Logger,
        mask: SecretMask,
        _ heard: @escaping @Sendable (Message) -> Void
    ) {
        var command = command
        command.maximumLineBytes = ProgramTransport.maximumLine
        command.maximumOutputBytes = .max
        // Until it is stopped.
        command.timeout = .seconds(3_153_600_000)
        self.command = command
        self.logger = logger
        self.mask = mask
        self.heard = heard
    }

    func forgetSession() {}

    func whileOpen(_ body: @escaping @Sendable () async throws -> Void) async throws {
        do {
            _ = try await Subprocess.converse(command) { lines, input in
                self.input.withLock { $0 = input }
                try await withThrowingTaskGroup(of: Void.self) { group in
                    group.addTask { try await self.read(lines, input) }
                    group.addTask { try await body() }
                    defer { group.cancelAll() }
                    try await group.next()
                }
                // Thrown, so that a program that only stopped speaking is stopped as well.
                throw RemoteError.ended("it says nothing more")
            }
        } catch {
            let reason = (error as? SubprocessError).map { RemoteError.unreachable("\($0)") } ?? error as? RemoteError
            pending.end(reason ?? .ended("it was stopped"))
            throw reason ?? error
        }
    }

    // MARK: - What it says

    /// Reads until the program closes its output.
    private func read(_ lines: OutputLines, _ input: ProgramInput) async throws {
        var noise = 0
        var words = Allowance(perMinute: 60)
        while let line = try await lines.next() {
            guard line.stream == .output else {
                if words.take() {
                    logger.info("server program says", ["line": RemoteTool.cut(mask.applied(to: line.text), 1_000)])
                }
                continue
            }
            guard line.text.utf8.count < ProgramTransport.maximumLine else {
                throw RemoteError.tooLarge("more than \(ProgramTransport.maximumLine) bytes of a line")
            }
            let message: Message
            do {
                message = try Message(parsing: Array(line.text.utf8))
            } catch {
                noise += 1
                guard noise <= ProgramTransport.maximumNoise else { throw error }
                continue
            }
            switch message {
            case .answer(let id, let result):
                if !pending.answer(id, result), words.take() { logger.debug("answer to nothing", [:]) }
            case .request(let id, let method):
                try await input.write(Message.reply(to: id, method: method) + [UInt8(ascii: "\n")])
            case .notification:
                pending.tell(message)
                heard(message)
            }
        }
    }

    // MARK: - What it is told

    func exchange(_ request: Request, _ heard: @escaping @Sendable (Message) -> Void) async throws -> JSONElement {
        guard let id = request.id else { preconditionFailure("a notification has no answer") }
        let promise = try pending.expect(id, heard)
        defer { pending.forget(id) }
        do {
            try await notify(request)
            return try await promise.value()
        } catch is CancellationError {
            // In a task that is not cancelled; a program that does not read any more is being ended anyhow.
            await Task { await self.callOff(request) }.value
            throw CancellationError()
        }
    }

    func notify(_ notification: Request) async throws {
        guard let input = input.withLock({ $0 }) else { throw RemoteError.away("the program is not running") }
        do {
            try await input.write(notification.body + [UInt8(ascii: "\n")])
        } catch is ProgramInput.Closed {
            throw RemoteError.unreachable("the program reads no more")
        }
    }

    private func callOff(_ request: Request) async {
        do {
            try await withDeadline(.seconds(2), for: "calling off") { try await self.notify(request.cancellation) }
        } catch {
            // Nobody waits for the answer any more, whether or not the program has heard that.
        }
    }

    /// It says unasked whatever it has to say: `whileOpen` hears it.
    func listen(_ revision: Revision, _ heard: @escaping @Sendable (Message) -> Void) async throws {
        throw RemoteError.refused(status: 405)
    }
}

/// So many per minute; what is more is left out.
struct Allowance {
    private let perMinute: Int
    private var begun = ContinuousClock.now
    private var taken = 0

    init(perMinute: Int) { self.perMinute = perMinute }

    /// Whether another is allowed.
    mutating func take() -> Bool {
        if .now - begun > .seconds(60) { (begun, taken) = (.now, 0) }
        taken += 1
        return taken <= perMinute
    }
}
