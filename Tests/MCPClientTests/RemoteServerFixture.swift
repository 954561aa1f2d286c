import Concurrency
import HTTPClient
import JSON
import Kernel
import Subprocess
import Telemetry
import TestSupport
import Testing

@testable import MCPClient

/// A remote server that runs inside the test.
struct RemoteServerFixture {
    static func http(_ url: String, headers: [(name: String, value: String)] = []) -> RemoteServerSettings.Way {
        .http(url: url, headers: Secret(headers), addresses: .any)
    }

    /// Runs `body` with a server that tries again at once. `last` is the era that it is taken to be of.
    static func run(
        _ way: RemoteServerSettings.Way,
        last: Revision? = nil,
        change: (inout RemoteServerSettings) -> Void = { _ in },
        logger: Logger = .silent,
        _ body: (RemoteServer) async throws -> Void
    ) async throws {
        var settings = RemoteServerSettings(
            name: "other",
            way: way,
            quiet: .milliseconds(1),
            backoff: Backoff(from: .milliseconds(5), cap: .milliseconds(50)),
            version: "1"
        )
        change(&settings)
        let server = RemoteServer(settings, last: last, logger: logger, metrics: Metrics())
        let running = Task { await server.run() }
        do {
            try await body(server)
        } catch {
            running.cancel()
            await running.value
            throw error
        }
        running.cancel()
        await running.value
    }
}

extension RemoteServer {
    /// Waits until its tools are there.
    func ready() async throws {
        do {
            try await eventually(within: .seconds(30)) { if case .ready = state { true } else { false } }
        } catch is NeverHappened {
            throw NeverHappened(description: "the server is not connected: \(state)")
        }
    }

    /// Waits until it is away for this reason.
    func away(because reason: String) async throws {
        do {
            try await eventually(within: .seconds(30)) {
                if case .away(let why) = state { why.contains(reason) } else { false }
            }
        } catch is NeverHappened {
            throw NeverHappened(description: "the server is not away because \(reason), but \(state)")
        }
    }

    func call(_ tool: String, _ arguments: String = "{}", within limit: Duration = .seconds(20)) async throws
        -> RemoteAnswer
    {
        try await call(tool, JSONDocument(parsing: arguments).root, within: limit)
    }
}

/// How far a call has said it was.
final class Steps: Sendable {
    private let list = Lock<[Double]>([])

    var all: [Double] { list.withLock { $0 } }

    func take(_ step: RemoteProgress) { list.withLock { $0.append(step.done) } }
}
