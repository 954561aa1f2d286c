/// What is to be run, and within which bounds.
public struct Command: Sendable {
    /// The program's absolute path.
    public var program: String
    /// The arguments behind the program's name; each arrives as it is.
    public var arguments: [String]
    /// The whole environment: nothing is inherited.
    public var environment: [String: String]
    /// The folder it works in.
    public var folder: String
    /// What its standard input holds; nothing: it is `/dev/null`.
    public var input: [UInt8]?
    /// What it may use.
    public var limits: ResourceLimits
    /// Longer lines are cut, in bytes.
    public var maximumLineBytes: Int
    /// A program that writes more, both streams together, is stopped.
    public var maximumOutputBytes: Int
    /// How long it may run.
    public var timeout: Duration
    /// How long after SIGTERM comes SIGKILL.
    public var grace: Duration

    /// A command. Without an `environment` it gets `PATH`, `LANG` and a `HOME` that is its folder.
    public init(
        _ program: String,
        _ arguments: [String],
        folder: String,
        environment: [String: String]? = nil,
        input: [UInt8]? = nil,
        limits: ResourceLimits = ResourceLimits(),
        maximumLineBytes: Int = 4096,
        maximumOutputBytes: Int = 16 << 20,
        timeout: Duration = .seconds(60),
        grace: Duration = .seconds(2)
    ) {
        self.program = program
        self.arguments = arguments
        self.folder = folder
        self.environment =
            environment ?? ["PATH": "/usr/local/bin:/usr/bin:/bin", "LANG": "C.UTF-8", "HOME": folder]
        self.input = input
        self.limits = limits
        self.maximumLineBytes = maximumLineBytes
        self.maximumOutputBytes = maximumOutputBytes
        self.timeout = timeout
        self.grace = grace
    }

    /// Refuses what would not arrive as it was meant.
    func validate() throws(SubprocessError) {
        guard program.hasPrefix("/") else { throw .invalidCommand("the program's path is not absolute") }
        let texts = arguments + [program, folder] + environment.map { "\($0)=\($1)" }
        guard texts.allSatisfy({ !$0.utf8.contains(0) }) else { throw .invalidCommand("a text has a NUL byte") }
        guard environment.keys.allSatisfy({ !$0.isEmpty && !$0.contains("=") }) else {
            throw .invalidCommand("a variable's name is empty or has an equals sign")
        }
    }
}
