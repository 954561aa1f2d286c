// Runs programs: by absolute path and argument array, with limits, and without leaving anything behind.
//
// It promises: nothing goes through a shell, and nothing is inherited: the environment is what the command says, and every
// descriptor but the three standard ones is closed. A program runs in a session of its own; in whatever way it ends,
// what is left of its process group is killed, and it has been reaped when `run` returns: no zombie, no descriptor, no
// grandchild, but one that made itself a session of its own. When this process dies, however suddenly, the kernel kills
// the program. Output comes line by line with backpressure: a program that writes faster than it is read is held up, and so is
// who tells a program more than it reads. A program ends within its time: `timeout`, then SIGTERM, then after `grace` SIGKILL.
//
// It refuses: relative program paths, NUL bytes in arguments, and endless output.

internal import Concurrency

/// Runs programs.
public enum Subprocess {
    /// Runs a command, and `body` with the lines it writes, until both have ended.
    ///
    /// ```swift
    /// let ending = try await Subprocess.run(Command("/usr/bin/env", [], folder: "/tmp")) { lines in
    ///     for try await line in lines { print(line.stream, line.text) }
    /// }
    /// ```
    /// Lines that `body` leaves unread are dropped. When it throws, or the task is cancelled, the program is stopped.
    ///
    /// - Throws: `SubprocessError` when the program cannot be started, `CancellationError` when the task was cancelled,
    ///   else what `body` throws; the program has ended by then in every case.
    public static func run(
        _ command: Command,
        _ body: (OutputLines) async throws -> Void
    ) async throws -> Ending {
        try await run(StartOrder(command: command, channel: LineChannel()), body)
    }

    /// Runs a command that is spoken with: `body` has the lines it writes and, until `finish`, its standard input.
    ///
    /// ```swift
    /// try await Subprocess.converse(Command("/usr/bin/bc", [], folder: "/tmp")) { lines, input in
    ///     try await input.write(Array("6 * 7\n".utf8))
    ///     print(try await lines.next()?.text ?? "")
    /// }
    /// ```
    /// All else is as with `run`; the command's own `input` is not looked at. When `body` returns, the input ends.
    public static func converse(
        _ command: Command,
        _ body: (OutputLines, ProgramInput) async throws -> Void
    ) async throws -> Ending {
        let channel = InputChannel()
        let input = ProgramInput(channel: channel, loop: ProcessLoop.shared)
        return try await run(StartOrder(command: command, channel: LineChannel(), input: channel)) { lines in
            defer { input.finish() }
            try await body(lines, input)
        }
    }

    private static func run(
        _ order: StartOrder,
        _ body: (OutputLines) async throws -> Void
    ) async throws -> Ending {
        try order.command.validate()
        try Task.checkCancellation()
        let loop = ProcessLoop.shared
        let channel = order.channel
        loop.send(.start(order))
        return try await withTaskCancellationHandler {
            var failure: (any Error)?
            do {
                try await body(OutputLines(channel: channel, loop: loop))
            } catch {
                failure = error
                loop.send(.stop(order.id, .cancelled))
            }
            channel.discard()
            loop.send(.look)
            // In a task of its own, which nobody cancels: the program's end is waited for in any case.
            let ending = await Task { await order.ending() }.value
            try Task.checkCancellation()
            // A program that was not started is why `body` failed too.
            let ended = try ending.get()
            if let failure { throw failure }
            return ended
        } onCancel: {
            loop.send(.stop(order.id, .cancelled))
        }
    }
}
