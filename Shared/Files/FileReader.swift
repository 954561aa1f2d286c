import Concurrency
import Glibc

/// Reads parts of a file.
public actor FileReader {
    private let executor: ThreadExecutor
    private let handle: DescriptorHandle
    /// The file's size when it was opened, in bytes.
    public nonisolated let size: Int

    // The actor holds the executor, so the reference cannot dangle.
    /// The disk thread it works on.
    public nonisolated var unownedExecutor: UnownedSerialExecutor { unsafe executor.asUnownedSerialExecutor() }

    /// A reader of an existing file.
    public init(_ path: String) throws(FileError) {
        executor = FileThreads.shared.next()
        let handle = try DescriptorHandle.open(path, O_RDONLY)
        size = try handle.size()
        self.handle = handle
    }

    /// The bytes from `offset`, up to `count` of them; fewer only at the end.
    public func read(at offset: Int, atMost count: Int) throws -> [UInt8] { try handle.read(at: offset, atMost: count) }
}
