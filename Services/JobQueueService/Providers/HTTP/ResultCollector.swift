import Files
import FoundationEssentials
import HTTPClient
import JSON
import Kernel

/// Brings the result of an outside job home.
struct ResultCollector: Sendable {
    private let kind: HTTPKind
    private let lease: Lease
    private let attempt: Attempt
    private let downloads: Client

    init(_ kind: HTTPKind, _ lease: Lease, _ attempt: Attempt, _ downloads: Client) {
        self.kind = kind
        self.lease = lease
        self.attempt = attempt
        self.downloads = downloads
    }

    /// Stores what the last answer holds or points to.
    func collect(_ answer: JSONElement) async throws -> ProviderResult {
        guard let value = kind.result.pointer.value(in: answer) else {
            throw ProviderFailure(code: "PROVIDER_BAD_ANSWER", message: "the provider's last answer has no result")
        }
        do {
            switch kind.result.form {
            case .url: return try await download(value.string ?? "")
            case .json: return try await store(once(value.raw.bytes), "application/json")
            case .base64:
                guard let data = value.string.flatMap({ Data(base64Encoded: $0) }) else {
                    throw ProviderFailure(code: "PROVIDER_BAD_RESULT", message: "the result is not base64")
                }
                return try await store(once(Array(data)), kind.result.mediaTypes.first ?? "application/octet-stream")
            }
        } catch is ResultStore.TooLarge {
            throw ProviderFailure.resultTooLarge
        } catch let error as FileError where error.isDiskFull {
            throw ProviderFailure.diskFull
        } catch let error as ClientError {
            throw ProviderFailure(error)
        }
    }

    /// Fetches from an address that the provider named. It gets none of our headers: it may be anybody's.
    private func download(_ url: String) async throws -> ProviderResult {
        let request = ClientRequest("GET", url, timeouts: .streaming(connect: .seconds(5), idle: .seconds(30)))
        let response = try await downloads.stream(request)
        guard response.status == 200 else {
            response.body.cancel()
            throw ProviderFailure(answer: response.head)
        }
        let header = response.headers["Content-Type"] ?? kind.result.mediaTypes.first ?? "application/octet-stream"
        let type = header.prefix { $0 != ";" && $0 != " " }.lowercased()
        guard kind.result.mediaTypes.isEmpty || kind.result.mediaTypes.contains(type), type.utf8.count <= 200 else {
            response.body.cancel()
            throw ProviderFailure(
                code: "PROVIDER_BAD_RESULT",
                message: "the result is of a type that is not taken",
                isRetryable: false
            )
        }
        return try await store(response.body, type)
    }

    private func store<Chunks: AsyncSequence & Sendable>(
        _ chunks: Chunks,
        _ type: String
    ) async throws -> ProviderResult
    where Chunks.Element == [UInt8] {
        let bounded = BoundedChunks(chunks, atMost: kind.result.maximumBytes)
        let stored = try await attempt.results.store(bounded, mediaType: type, for: lease.jobID)
        return ProviderResult(url: stored.url, details: stored.details())
    }

    private func once(_ bytes: [UInt8]) -> AsyncStream<[UInt8]> {
        AsyncStream {
            $0.yield(bytes)
            $0.finish()
        }
    }
}

/// Chunks that end with `ResultStore.TooLarge` beyond so many bytes.
struct BoundedChunks<Base: AsyncSequence>: AsyncSequence where Base.Element == [UInt8] {
    typealias Element = [UInt8]

    private let base: Base
    private let limit: Int

    init(_ base: Base, atMost limit: Int) {
        self.base = base
        self.limit = limit
    }

    func makeAsyncIterator() -> Iterator { Iterator(base: base.makeAsyncIterator(), left: limit) }

    struct Iterator: AsyncIteratorProtocol {
        fileprivate var base: Base.AsyncIterator
        fileprivate var left: Int

        mutating func next(isolation actor: isolated (any Actor)?) async throws -> [UInt8]? {
            guard let chunk = try await base.next(isolation: actor) else { return nil }
            left -= chunk.count
            guard left >= 0 else { throw ResultStore.TooLarge() }
            return chunk
        }
    }
}
