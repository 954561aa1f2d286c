/// A line that a program wrote.
public struct OutputLine: Sendable, Hashable {
    /// Where to.
    public enum Stream: Sendable, Hashable {
        case output, error
    }

    /// Standard output or standard error.
    public let stream: Stream
    /// The line without its end; what is not UTF-8 is replaced. Cut at the command's bound.
    public let text: String

    /// A line.
    public init(_ stream: Stream, _ text: String) {
        self.stream = stream
        self.text = text
    }
}

/// The lines of both streams, in the order they were read; within a stream that is the order they were written.
///
/// One sequence for both: with two, a program that fills one pipe while the other is being read would stand still.
public struct OutputLines: AsyncSequence, AsyncIteratorProtocol, Sendable {
    /// A line.
    public typealias Element = OutputLine

    let channel: LineChannel
    let loop: ProcessLoop

    /// The next line, `nil` once the program closed both streams.
    ///
    /// - Throws: `CancellationError` when the reading task is cancelled.
    public func next() async throws -> OutputLine? {
        let (line, madeRoom) = try await channel.take()
        if madeRoom { loop.send(.look) }
        return line
    }

    /// The next line, `nil` once the program closed both streams.
    public func next(isolation actor: isolated (any Actor)?) async throws -> OutputLine? { try await next() }

    /// The sequence itself; all its iterators share the lines.
    public func makeAsyncIterator() -> OutputLines { self }
}
