/// An operation on a file failed.
public struct FileError: Error, Sendable, Hashable, CustomStringConvertible {
    /// What was attempted.
    public let operation: String
    /// The system's error number.
    public let number: Int32

    /// Whether there is no such file.
    public var isNotFound: Bool { number == FileError.notFound }

    /// Whether the disk is full.
    public var isDiskFull: Bool { number == FileError.noSpace }

    /// Operation and number; no path.
    public var description: String { "\(operation) failed with error \(number)" }
}
