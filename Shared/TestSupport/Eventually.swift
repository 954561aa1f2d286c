/// Looks again and again until `condition` holds: for what other processes do, of which no event tells us.
///
/// - Throws: `NeverHappened` after `limit`, and whatever `condition` throws.
public func eventually(
    _ what: String? = nil,
    within limit: Duration = .seconds(120),
    file: String = #fileID,
    line: Int = #line,
    _ condition: () async throws -> Bool
) async throws {
    let what = what ?? "what line \(line) of \(file) waits for"
    let deadline = ContinuousClock.now + limit
    while try await !condition() {
        guard ContinuousClock.now < deadline else { throw NeverHappened(description: "never happened: \(what)") }
        try await Task.sleep(for: .milliseconds(10))
    }
}

/// What a test waited for in vain.
public struct NeverHappened: Error, CustomStringConvertible {
    /// In words.
    public let description: String

    /// It, in words.
    public init(description: String) { self.description = description }
}
