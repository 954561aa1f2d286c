internal import CSpawn
internal import Glibc

/// One child process that leads a group of its own. It must be reaped before its handle goes; `Child` sees to it.
struct ProcessHandle: ~Copyable {
    private let id: pid_t
    /// Readable once the process has ended.
    let ending: DescriptorHandle

    /// Starts a program.
    static func start(
        _ command: Command,
        input: borrowing DescriptorHandle,
        output: borrowing DescriptorHandle,
        error: borrowing DescriptorHandle
    ) throws(SubprocessError) -> ProcessHandle {
        var arguments = CStrings([command.program] + command.arguments)
        var environment = CStrings(command.environment.map { "\($0)=\($1)" })
        let limits = command.limits.list
        let (inputNumber, outputNumber, errorNumber) = (input.number, output.number, error.number)
        // All that the plan points to outlives the call, and the call keeps nothing of it.
        let result = unsafe command.program.withCString { program in
            unsafe command.folder.withCString { folder in
                unsafe limits.withUnsafeBufferPointer { limits in
                    unsafe arguments.withPointer { arguments in
                        unsafe environment.withPointer { environment in
                            var plan = unsafe cspawn_plan(
                                program: program,
                                arguments: arguments,
                                environment: environment,
                                folder: folder,
                                input: inputNumber,
                                output: outputNumber,
                                error: errorNumber,
                                limits: limits.baseAddress,
                                limit_count: limits.count
                            )
                            return unsafe cspawn(&plan)
                        }
                    }
                }
            }
        }
        guard result.step == Int32(CSPAWN_STARTED.rawValue) else {
            if result.step == Int32(CSPAWN_EXEC.rawValue), result.error == ENOENT { throw .notFound }
            throw .notStarted(step: stepName(result.step), number: result.error)
        }
        let descriptor = cspawn_pidfd(result.pid)
        guard descriptor >= 0 else {
            let number = errno
            kill(-result.pid, SIGKILL)
            while waitpid(result.pid, nil, 0) < 0 && errno == EINTR {}
            throw .notStarted(step: "pidfd_open", number: number)
        }
        return ProcessHandle(id: result.pid, ending: DescriptorHandle(adopting: descriptor))
    }

    private static func stepName(_ step: Int32) -> String {
        let names = ["start", "fork", "setsid", "prctl", "setrlimit", "chdir", "dup2", "exec"]
        return names.indices.contains(Int(step)) ? names[Int(step)] : "start"
    }

    /// Sends a signal to the group. The group's number cannot be another's: the leader has not been reaped.
    borrowing func signalGroup(_ number: Int32) { kill(-id, number) }

    /// Takes the status of a process that has ended.
    borrowing func reap() -> (status: Ending.Status, processorTime: Duration, peakMemoryBytes: Int) {
        var status: Int32 = 0
        var usage = rusage()
        // Both pointers are to locals and used during the call only.
        while unsafe wait4(id, &status, 0, &usage) < 0 && errno == EINTR {}
        let time =
            Duration.seconds(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec)
            + .microseconds(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec)
        let signal = status & 0x7F
        return (signal == 0 ? .exited((status >> 8) & 0xFF) : .signalled(signal), time, usage.ru_maxrss * 1024)
    }
}

/// A list of C strings that ends with a null pointer, as exec wants it.
@safe
private struct CStrings: ~Copyable {
    // Each is from `strdup` and freed once, here.
    private var list: [UnsafeMutablePointer<CChar>?]

    init(_ texts: [String]) { unsafe list = texts.map { unsafe strdup($0) } + [nil] }

    deinit {
        // `free` takes null pointers too.
        unsafe list.forEach { unsafe free($0) }
    }

    mutating func withPointer<Value>(
        _ body: (UnsafePointer<UnsafeMutablePointer<CChar>?>?) -> Value
    ) -> Value {
        // The pointer is used during the call only.
        unsafe list.withUnsafeBufferPointer { unsafe body($0.baseAddress) }
    }
}
