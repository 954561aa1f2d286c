import Concurrency
import Glibc
import Subprocess

/// The worker under test, as a program: started, asked to stop, watched.
final class WorkerProcess: Sendable {
    private struct State {
        var id: pid_t?
        var status: Ending.Status?
        var lines: [String] = []
    }

    private let state = Lock(State())
    private let running: Lock<Task<Void, Never>?> = Lock(nil)

    /// Starts a command line of a shell, which becomes the worker itself.
    init(_ command: String, folder: String, environment: [String: String]) {
        let task = Task { await self.run(command, folder, environment) }
        running.withLock { $0 = task }
    }

    private func run(_ command: String, _ folder: String, _ environment: [String: String]) async {
        do {
            let ending = try await Subprocess.run(
                .init(
                    "/bin/sh",
                    ["-c", "echo $$; exec \(command)"],
                    folder: folder,
                    environment: environment,
                    timeout: .seconds(600)
                )
            ) { lines in
                for try await line in lines { self.note(line.text) }
            }
            state.withLock { $0.status = ending.status }
        } catch {
            state.withLock { state in
                state.status = state.status ?? .signalled(SIGKILL)
                state.lines.append("\(error)")
            }
        }
    }

    /// The first line is the process's number, the others are the worker's own.
    private func note(_ line: String) {
        state.withLock { state in
            if state.id == nil {
                state.id = pid_t(line)
            } else {
                state.lines = (state.lines + [line]).suffix(20)
            }
        }
    }

    /// How it ended, if it has.
    var status: Ending.Status? { state.withLock { $0.status } }

    /// The last lines that it wrote.
    var lines: [String] { state.withLock { $0.lines } }

    /// Asks it to end.
    func terminate() {
        let id = state.withLock { $0.status == nil ? $0.id : nil }
        if let id { kill(id, SIGTERM) }
    }

    /// Ends it, if it has not ended, and waits until it has.
    func stop() async {
        let task = running.withLock { $0 }
        task?.cancel()
        await task?.value
    }
}
