/// The time for an operation ran out.
public struct DeadlineExceeded: Error, CustomStringConvertible {
    /// What was being waited for.
    public let operation: String

    /// Names what was being waited for.
    public init(_ operation: String) { self.operation = operation }

    /// Says what took too long.
    public var description: String { "deadline exceeded: \(operation)" }
}

/// Runs `body`, and cancels it when it has not ended within `limit`.
///
/// - Throws: `DeadlineExceeded` when the limit passed first, else what `body` throws. It returns only after
///   `body` has ended, so `body` must end soon after its cancellation.
public func withDeadline<Value: Sendable>(
    _ limit: Duration,
    for operation: String,
    _ body: @escaping @Sendable () async throws -> Value
) async throws -> Value {
    try await withThrowingTaskGroup(of: Value?.self) { group in
        group.addTask { try await body() }
        group.addTask {
            try await Task.sleep(for: limit)
            return nil
        }
        defer { group.cancelAll() }
        do {
            guard let first = try await group.next(), let value = first else { throw DeadlineExceeded(operation) }
            return value
        } catch is CancellationError where !Task.isCancelled {
            throw DeadlineExceeded(operation)
        }
    }
}
