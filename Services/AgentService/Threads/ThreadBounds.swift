/// How large threads and what is in them may be.
enum ThreadBounds {
    /// Bytes of a request that stores a checkpoint or writes.
    static let requestBytes = 16 << 20
    /// Bytes of one value as JSON; of an array, of each element.
    static let valueBytes = 4 << 20
    /// Elements of an array that are kept each on their own.
    static let elements = 10_000
    /// Bytes of what a checkpoint says beside its channels.
    static let bodyBytes = 256 << 10
    /// Bytes of a checkpoint's metadata.
    static let metadataBytes = 16 << 10
    /// Channels of a checkpoint.
    static let channels = 1_000
    /// Writes of one request.
    static let writes = 1_000
    /// Checkpoints of a thread, in all namespaces.
    static let checkpoints = 100_000
    /// Characters of names: of keys, channels, tasks; namespaces and paths of tasks are made of several names.
    static let name = 1...255
    static let path = 0...1_024
    /// Milliseconds of a lease.
    static let lease = 1_000...3_600_000
    /// Bytes of a page of checkpoints, after which it ends early.
    static let pageBytes = 8 << 20
    /// Threads and runs that one request may name.
    static let named = 100
}
