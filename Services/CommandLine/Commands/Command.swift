/// A word behind `martlet`.
protocol Command: Sendable {
    /// What it may be told.
    static var syntax: CommandSyntax { get }
    /// Reads its arguments, which fit the syntax.
    init(_ arguments: ParsedArguments) throws
    /// Does it.
    func run(_ session: Session) async throws -> ExitStatus
}

/// What a command works with.
struct Session: Sendable {
    let services: ServiceClient
    let console: Console
    /// Whether results are written as JSON.
    let writesJSON: Bool

    var jobQueue: String { services.endpoints.jobQueue }
    var agent: String { services.endpoints.agent }
}
