/// A long-lived part of a process.
public protocol Service: Sendable {
    /// What it is called in logs.
    var name: String { get }

    /// Works until `stop` is raised, then finishes and returns. Cancellation means: end now.
    ///
    /// - Throws: what makes it impossible to go on; the whole process then stops.
    func run(until stop: StopSignal) async throws
}

/// A service made from a closure.
public struct ServiceTask: Service {
    /// What it is called in logs.
    public let name: String
    private let body: @Sendable (StopSignal) async throws -> Void

    /// A service called `name` that runs `body`.
    public init(_ name: String, _ body: @escaping @Sendable (StopSignal) async throws -> Void) {
        self.name = name
        self.body = body
    }

    /// Runs the closure.
    public func run(until stop: StopSignal) async throws { try await body(stop) }
}
