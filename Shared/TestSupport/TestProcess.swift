internal import Concurrency
public import Glibc

/// A child process of a test: a script that is waited for, a server that is killed, a tool that is asked to stop.
///
/// Each has a thread of its own, so that waiting for it holds up no other test. It starts in a session of its own
/// (Ctrl-C does not reach it) with no signal blocked or ignored; what Foundation's `Process` starts from the shared
/// pool has SIGTERM blocked, and holds open whatever pipes it met.
///
/// It ends with this object or with the test process, however these end, and is always waited for: Swift Testing looks
/// for the ends of its exit tests among all children, and one zombie that nobody takes keeps it busy for ever.
public actor TestProcess {
    /// What could not be started, or did not end well.
    public struct Failure: Error, CustomStringConvertible {
        /// The command and what it wrote.
        public let description: String

        /// A failure with these words.
        public init(_ description: String) { self.description = description }
    }

    /// Where its standard output (and, for a file, also its standard error) goes.
    public enum Output: Sendable {
        /// To us: `readLine`, `readToEnd`.
        case pipe
        /// Appended to a file.
        case file(String)
    }

    /// POSIX_SPAWN_SETSID, which is missing in the Glibc module.
    private static let newSession: Int16 = 0x80

    private let executor = ThreadExecutor(name: "process")
    /// The thread that starts it also waits for it.
    public nonisolated var unownedExecutor: UnownedSerialExecutor { unsafe executor.asUnownedSerialExecutor() }

    private var process: pid_t = 0
    private var input: Int32 = -1
    private var output: Int32 = -1
    private var status: Int32?

    /// Starts a program, by absolute path.
    ///
    /// - Parameters:
    ///   - environment: all of its environment; nil is ours.
    ///   - holdsInput: its standard input stays open until the result of `releaseInput` is closed; else it is empty.
    ///   - outlivesUs: it is nobody's child, and goes on when this process ends; it can only be read.
    public init(
        _ program: String,
        _ arguments: [String] = [],
        environment: [String: String]? = nil,
        output: Output = .pipe,
        holdsInput: Bool = false,
        outlivesUs: Bool = false
    ) async throws {
        // The shell ends at once; what it has started goes to init. Without its `<&3` it would have no input.
        let way =
            outlivesUs
            ? ["/bin/sh", "-c", "exec 3<&0; \"$0\" \"$@\" <&3 3<&- &"]
            : ["/usr/bin/setpriv", "--pdeathsig", "KILL", "--"]
        try start(way + [program] + arguments, environment: environment, output: output, holdsInput: holdsInput)
        if outlivesUs { wait() }
    }

    deinit {
        if status == nil, process > 0 {
            kill(process, SIGKILL)
            // It cannot refuse, so this is short.
            while waitpid(process, nil, 0) < 0 && errno == EINTR {}
        }
        if input >= 0 { close(input) }
        if output >= 0 { close(output) }
    }

    /// Runs a program to its end and returns what it wrote, without surrounding white space.
    ///
    /// - Throws: `Failure` when it could not be started or did not end with 0.
    public static func run(_ program: String, _ arguments: [String], environment: [String: String]? = nil)
        async throws -> String
    {
        let child = try await TestProcess(program, arguments, environment: environment)
        let text = await child.readToEnd()
        let status = await child.wait()
        guard status == 0 else {
            throw Failure("\(program) \(arguments.joined(separator: " ")) ended with \(status): \(text)")
        }
        return String(text.reversed().drop(while: \.isWhitespace).reversed())
    }

    /// Our environment.
    public static var environment: [String: String] {
        var variables: [String: String] = [:]
        var next = unsafe environ
        // Strings are copied at once; tests do not change their environment.
        while let entry = unsafe next.pointee {
            let parts = unsafe String(cString: entry)
                .split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            variables[String(parts[0])] = parts.count > 1 ? String(parts[1]) : ""
            unsafe next += 1
        }
        return variables
    }

    private func start(
        _ command: [String],
        environment: [String: String]?,
        output target: Output,
        holdsInput: Bool
    ) throws {
        var toChild: [Int32] = [-1, -1]
        var fromChild: [Int32] = [-1, -1]
        // Sockets because they can be made close-on-exec from birth: another child that held this end too would keep
        // it open after ours is closed.
        let kind = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue)
        guard unsafe socketpair(AF_UNIX, kind, 0, &toChild) == 0, unsafe socketpair(AF_UNIX, kind, 0, &fromChild) == 0
        else { throw Failure("no socket pair: error \(errno)") }
        defer {
            close(toChild[0])
            close(fromChild[1])
        }
        (input, output) = (toChild[1], fromChild[0])
        var actions = unsafe posix_spawn_file_actions_t()
        var attributes = posix_spawnattr_t()
        unsafe posix_spawn_file_actions_init(&actions)
        unsafe posix_spawnattr_init(&attributes)
        defer {
            unsafe posix_spawn_file_actions_destroy(&actions)
            unsafe posix_spawnattr_destroy(&attributes)
        }
        if holdsInput {
            unsafe posix_spawn_file_actions_adddup2(&actions, toChild[0], 0)
        } else {
            // Not a socket: bash would take itself for a remote shell, and read the user's settings.
            unsafe posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        }
        switch target {
        case .pipe: unsafe posix_spawn_file_actions_adddup2(&actions, fromChild[1], 1)
        case .file(let path):
            unsafe posix_spawn_file_actions_addopen(&actions, 1, path, O_WRONLY | O_CREAT | O_APPEND, 0o600)
            unsafe posix_spawn_file_actions_adddup2(&actions, 1, 2)
        }
        var none = sigset_t()
        var all = sigset_t()
        unsafe sigemptyset(&none)
        unsafe sigfillset(&all)
        unsafe posix_spawnattr_setsigmask(&attributes, &none)
        unsafe posix_spawnattr_setsigdefault(&attributes, &all)
        let flags = Int16(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF)
        unsafe posix_spawnattr_setflags(&attributes, Self.newSession | flags)
        let variables = (environment ?? Self.environment).map { "\($0)=\($1)" }
        // Strings and lists live through the call, which copies them into the child.
        var list = unsafe Self.strings(command)
        var names = unsafe Self.strings(variables)
        defer {
            unsafe list.forEach { unsafe free($0) }
            unsafe names.forEach { unsafe free($0) }
        }
        let error = unsafe posix_spawn(&process, command[0], &actions, &attributes, &list, &names)
        guard error == 0 else { throw Failure("\(command[0]) could not be started: error \(error)") }
    }

    private static func strings(_ texts: [String]) -> [UnsafeMutablePointer<CChar>?] {
        unsafe texts.map { unsafe strdup($0) } + [nil]
    }

    /// Gives away the end of the pipe whose closing ends the child's input.
    public func releaseInput() -> Int32 {
        defer { input = -1 }
        return input
    }

    /// The next line it writes, without its line end; empty at the end.
    public func readLine() -> String { read(until: UInt8(ascii: "\n")) }

    /// All it writes until it, and all it started, has closed its standard output.
    public func readToEnd() -> String { read(until: nil) }

    /// Its process id.
    public var id: pid_t { process }

    /// Sends a signal; does nothing when it has ended and was waited for.
    public func signal(_ number: Int32) {
        if status == nil { kill(process, number) }
    }

    /// Whether it has not ended.
    public var isRunning: Bool { look() == nil }

    /// Waits for its end: the exit status, or 128 and the signal that ended it. One that takes longer is killed.
    @discardableResult public func wait(atMost limit: Duration = .seconds(60)) -> Int32 {
        let deadline = ContinuousClock.now + limit
        while true {
            if let status = look() { return status }
            if ContinuousClock.now >= deadline { kill(process, SIGKILL) }
            // This thread has nothing else to do, and nothing tells it of a child's end without a signal handler.
            usleep(2000)
        }
    }

    private func look() -> Int32? {
        if let status { return status }
        var raw: Int32 = 0
        guard unsafe waitpid(process, &raw, WNOHANG) == process else { return nil }
        status = raw & 0x7F == 0 ? (raw >> 8) & 0xFF : 128 + raw & 0x7F
        return status
    }

    private func read(until end: UInt8?) -> String {
        var bytes: [UInt8] = []
        var buffer: [UInt8] = Array(repeating: 0, count: 4096)
        while true {
            var waiting = pollfd(fd: output, events: Int16(POLLIN), revents: 0)
            // A script that says nothing for so long hangs.
            if unsafe poll(&waiting, 1, 120_000) == 0 { break }
            // The buffer is written during the call only.
            let count = unsafe Glibc.read(output, &buffer, end == nil ? buffer.count : 1)
            if count <= 0 || (end != nil && buffer[0] == end) { break }
            bytes += buffer[..<count]
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
