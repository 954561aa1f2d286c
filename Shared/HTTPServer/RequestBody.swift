/// A request's body: whole, or as it comes.
public struct RequestBody: Sendable {
    enum Storage: Sendable {
        case bytes([UInt8])
        case stream(BodyStream)
    }

    let storage: Storage

    /// A whole body.
    public init(_ bytes: [UInt8] = []) { storage = .bytes(bytes) }

    init(_ stream: BodyStream) { storage = .stream(stream) }

    /// The whole body of a route that buffers it; empty for a route that streams.
    public var bytes: [UInt8] {
        switch storage {
        case .bytes(let bytes): bytes
        case .stream: []
        }
    }

    /// Reads the rest of the body.
    ///
    /// - Throws: `RequestBodyError.tooLarge` when more than `limit` bytes come, else what `chunks` throws.
    public func collect(atMost limit: Int) async throws -> [UInt8] {
        var collected: [UInt8] = []
        for try await chunk in chunks {
            guard collected.count + chunk.count <= limit else { throw RequestBodyError.tooLarge }
            collected.append(contentsOf: chunk)
        }
        return collected
    }

    /// The body in the pieces in which it came; to be gone through once, by one task. The client is made to wait
    /// while nobody reads.
    ///
    /// It throws `RequestBodyError` when the body does not come whole.
    public var chunks: Chunks { Chunks(storage: storage) }

    /// The pieces of a body.
    public struct Chunks: AsyncSequence, Sendable {
        let storage: Storage

        /// Goes through the pieces.
        public func makeAsyncIterator() -> Iterator { Iterator(storage: storage) }

        /// Waits for one piece after the other.
        public struct Iterator: AsyncIteratorProtocol {
            var storage: Storage

            /// The next piece, never empty; `nil` at the end of the body.
            public mutating func next() async throws -> [UInt8]? {
                switch storage {
                case .stream(let stream): return try await stream.next()
                case .bytes(let bytes):
                    storage = .bytes([])
                    return bytes.isEmpty ? nil : bytes
                }
            }
        }
    }
}

/// Why a body did not come whole.
public enum RequestBodyError: Error, Sendable, Hashable, CustomStringConvertible {
    /// It is larger than it may be.
    case tooLarge
    /// It is not encoded as HTTP says.
    case malformed
    /// The client paused for too long.
    case tooSlow
    /// The client went away.
    case connectionLost

    /// Says what happened.
    public var description: String {
        switch self {
        case .tooLarge: "the request's body is too large"
        case .malformed: "the request's body is malformed"
        case .tooSlow: "the request's body came too slowly"
        case .connectionLost: "the client went away before its request was complete"
        }
    }
}
