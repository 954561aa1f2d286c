import Concurrency
import Glibc

/// Writes a new file, invisible until `publish`.
public actor FileWriter {
    private let executor: ThreadExecutor
    private let path: String
    private let handle: DescriptorHandle
    private var isPublished = false
    /// How many bytes were written.
    public private(set) var count = 0

    // The actor holds the executor, so the reference cannot dangle.
    /// The disk thread it works on.
    public nonisolated var unownedExecutor: UnownedSerialExecutor { unsafe executor.asUnownedSerialExecutor() }

    /// A writer of a file that must not exist yet.
    public init(creating path: String) throws(FileError) {
        executor = FileThreads.shared.next()
        self.path = path
        handle = try DescriptorHandle.open(path, O_WRONLY | O_CREAT | O_EXCL)
    }

    deinit {
        // What was not published is not wanted: the writer's owner failed or was cancelled.
        guard !isPublished else { return }
        do { try Folder.removeFile(path) } catch { /* It stays behind as a temporary file, which nobody reads. */  }
    }

    /// Appends bytes.
    public func write(_ bytes: [UInt8]) throws {
        try handle.write(bytes)
        count += bytes.count
    }

    /// Puts the file, synced to disk, in its place; what was there is replaced in one step.
    public func publish(as destination: String) throws {
        try handle.sync()
        try Folder.rename(path, to: destination)
        isPublished = true
        let folder = destination.lastIndex(of: "/").map { String(destination[..<$0]) } ?? "."
        try Folder.sync(folder.isEmpty ? "/" : folder)
    }
}
