internal import CSpawn
internal import Glibc

/// What a program may use. A limit that was set on this process from outside is never exceeded.
public struct ResourceLimits: Sendable, Hashable {
    /// Address space in bytes; beyond it, its allocations fail.
    public var memoryBytes: Int?
    /// Processor time; beyond it comes SIGXCPU, and a second later SIGKILL.
    public var processorSeconds: Int?
    /// The largest file it may write, in bytes; beyond it comes SIGXFSZ.
    public var fileBytes: Int?
    /// Open files.
    public var openFiles: Int?
    /// Processes and threads of the *user* it runs as, whoever started them; root has no limit.
    public var processes: Int?

    /// Limits; one that is left out does not apply.
    public init(
        memoryBytes: Int? = nil,
        processorSeconds: Int? = nil,
        fileBytes: Int? = nil,
        openFiles: Int? = 256,
        processes: Int? = nil
    ) {
        self.memoryBytes = memoryBytes
        self.processorSeconds = processorSeconds
        self.fileBytes = fileBytes
        self.openFiles = openFiles
        self.processes = processes
    }

    /// The limits in the system's terms. A core dump would only be a leak.
    var list: [cspawn_limit] {
        let all: [(Int32, Int?)] = [
            (Int32(RLIMIT_AS.rawValue), memoryBytes), (Int32(RLIMIT_CPU.rawValue), processorSeconds),
            (Int32(RLIMIT_FSIZE.rawValue), fileBytes), (Int32(RLIMIT_NOFILE.rawValue), openFiles),
            (Int32(RLIMIT_CORE.rawValue), 0), (6 /* RLIMIT_NPROC, which is missing in the Glibc module */, processes),
        ]
        return all.compactMap { resource, value in
            value.map { cspawn_limit(resource: resource, value: UInt64(max(0, $0))) }
        }
    }
}
