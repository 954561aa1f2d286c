// Runs programs: by absolute path and argument array, with limits, and without leaving anything behind.
//
// It promises: nothing goes through a shell, and nothing is inherited: the environment is what the command says, and every
// descriptor but the three standard ones is closed. A program runs in a session of its own; in whatever way it ends,
// what is left of its process group is killed, and it has been reaped when `run` returns: no zombie, no descriptor, no
// grandchild, but one that made itself a session of its own. When this process dies, however suddenly, the kernel kills
// the program. Output comes line by line with backpressure: a program that writes faster than it is read is held up. A
// program ends within its time: `timeout`, then SIGTERM, then after `grace` SIGKILL.
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
        try command.validate()
        try Task.checkCancellation()
        let loop = ProcessLoop.shared
        let channel = LineChannel()
        let order = StartOrder(command: command, channel: channel)
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
            if let failure { throw failure }
            return try ending.get()
        } onCancel: {
            loop.send(.stop(order.id, .cancelled))
        }
    }
}
