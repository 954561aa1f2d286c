import Glibc

/// A child process whose output is read; it is in a session of its own, so that Ctrl-C does not reach it.
final class ScriptProcess {
    /// POSIX_SPAWN_SETSID, which is missing in the Glibc module.
    private static let newSession: Int16 = 0x80

    private let process: pid_t
    private var input: Int32
    private let output: Int32

    /// Starts `program`. With `holdsInput` its standard input stays open until `releaseInput`'s result is closed.
    init(_ program: String, _ arguments: [String], holdsInput: Bool) throws {
        var toChild: [Int32] = [-1, -1]
        var fromChild: [Int32] = [-1, -1]
        // Sockets because they can be made close-on-exec from birth: another child that held this end too would keep
        // it open after ours is closed.
        let kind = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue)
        guard unsafe socketpair(AF_UNIX, kind, 0, &toChild) == 0, unsafe socketpair(AF_UNIX, kind, 0, &fromChild) == 0
        else {
            throw TestRabbitMQ.Failure(description: "no socket pair: error \(errno)")
        }
        var actions = unsafe posix_spawn_file_actions_t()
        var attributes = posix_spawnattr_t()
        unsafe posix_spawn_file_actions_init(&actions)
        unsafe posix_spawnattr_init(&attributes)
        unsafe posix_spawn_file_actions_adddup2(&actions, toChild[0], 0)
        unsafe posix_spawn_file_actions_adddup2(&actions, fromChild[1], 1)
        // The pool's threads block all signals; a child that inherited that could not be asked to stop.
        var none = sigset_t()
        unsafe sigemptyset(&none)
        unsafe posix_spawnattr_setsigmask(&attributes, &none)
        unsafe posix_spawnattr_setflags(&attributes, Self.newSession | Int16(POSIX_SPAWN_SETSIGMASK))
        // Strings and lists live through the call, which copies them into the child.
        var list: [UnsafeMutablePointer<CChar>?] = unsafe ([program] + arguments).map { unsafe strdup($0) } + [nil]
        var started: pid_t = 0
        let status = unsafe posix_spawn(&started, program, &actions, &attributes, &list, environ)
        unsafe list.forEach { unsafe free($0) }
        unsafe posix_spawn_file_actions_destroy(&actions)
        unsafe posix_spawnattr_destroy(&attributes)
        close(toChild[0])
        close(fromChild[1])
        process = started
        input = toChild[1]
        output = fromChild[0]
        guard status == 0 else {
            throw TestRabbitMQ.Failure(description: "\(program) could not be started: error \(status)")
        }
        if !holdsInput {
            close(input)
            input = -1
        }
    }

    deinit {
        if input >= 0 { close(input) }
        close(output)
    }

    /// Gives away the end of the pipe whose closing ends the child's input.
    func releaseInput() -> Int32 {
        defer { input = -1 }
        return input
    }

    /// The first line it writes, without its line end.
    func readLine() -> String { read(until: UInt8(ascii: "\n")) }

    /// All it writes, without surrounding white space.
    func readToEnd() -> String {
        let text = read(until: nil)
        return String(text.reversed().drop(while: \.isWhitespace).reversed())
    }

    func wait() -> Int32 {
        var status: Int32 = 0
        while unsafe waitpid(process, &status, 0) < 0 && errno == EINTR {}
        return status
    }

    private func read(until end: UInt8?) -> String {
        var bytes: [UInt8] = []
        var buffer: [UInt8] = Array(repeating: 0, count: 4096)
        while true {
            // The buffer is written during the call only.
            let count = unsafe Glibc.read(output, &buffer, end == nil ? buffer.count : 1)
            if count <= 0 || (end != nil && buffer[0] == end) { break }
            bytes += buffer[..<count]
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// Writes a text file.
    static func write(_ text: String, to path: String) throws {
        let file = unsafe open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
        guard file >= 0 else { throw TestRabbitMQ.Failure(description: "\(path) cannot be written") }
        defer { close(file) }
        let bytes = Array(text.utf8)
        // The pointer is used during the call only.
        guard unsafe Glibc.write(file, bytes, bytes.count) == bytes.count else {
            throw TestRabbitMQ.Failure(description: "\(path) cannot be written")
        }
    }
}
