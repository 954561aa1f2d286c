/// The standard input of a program that runs.
public struct ProgramInput: Sendable {
    /// The program reads no more, or its input was ended, or too many wait to write.
    public struct Closed: Error, Sendable, CustomStringConvertible {
        /// Says so.
        public var description: String { "the program's input is closed" }
    }

    let channel: InputChannel
    let loop: ProcessLoop

    /// Writes bytes, all together or not at all, and in the order of the calls. Returns when they are on their way;
    /// waits while the program is behind by 256 KiB.
    ///
    /// - Throws: `Closed`, or `CancellationError` when the task was cancelled before its bytes were on their way.
    public func write(_ bytes: [UInt8]) async throws {
        try await channel.put(bytes)
        loop.send(.look)
    }

    /// Ends the input, once all of it is read.
    public func finish() {
        channel.finish()
        loop.send(.look)
    }
}
