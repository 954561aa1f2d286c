import Concurrency
import HTTPServer
import Kernel
import Telemetry

/// A receiver of callbacks, which answers as it is told.
final class Receiver: Sendable {
    /// A callback as it came.
    struct Delivery: Sendable {
        let path: String
        let key: String
        let signature: String
        let body: [UInt8]
    }

    private struct State {
        var deliveries: [Delivery] = []
        var waiting: [(count: Int, promise: Promise<Void>)] = []
    }

    private let state = Lock(State())
    private let server: Server
    /// How its handler finds it; emptied at the end, because the server holds the handler.
    private let itself: Late<Receiver>
    let url: String

    /// Starts a receiver; `status` decides by the number of the delivery, 0, 1, 2 …
    static func start(
        retryAfter: Int? = nil,
        status: @escaping @Sendable (Int, Delivery) async -> Status = { _, _ in .ok }
    ) async throws -> Receiver {
        let box = Late<Receiver>()
        var router = Router()
        router.add(.post, "/{path...}") { request in
            let delivery = Delivery(
                path: request.path,
                key: request.headers["Idempotency-Key"] ?? "",
                signature: request.headers["Martlet-Signature"] ?? "",
                body: request.body.bytes
            )
            let number = box.value?.note(delivery) ?? 0
            var response = Response(await status(number, delivery))
            if let retryAfter { response.headers.set("Retry-After", "\(retryAfter)") }
            return response
        }
        let server = Server(
            settings: ServerSettings(port: 0, loops: 1),
            router: router,
            logger: .silent,
            metrics: Metrics()
        )
        let address = try await server.start()
        let receiver = Receiver(server, "http://127.0.0.1:\(address.port)", box)
        box.value = receiver
        return receiver
    }

    private init(_ server: Server, _ url: String, _ itself: Late<Receiver>) {
        self.server = server
        self.itself = itself
        self.url = url
    }

    private func note(_ delivery: Delivery) -> Int {
        let (number, ready) = state.withLock { state in
            state.deliveries.append(delivery)
            let count = state.deliveries.count
            let ready = state.waiting.filter { $0.count <= count }.map(\.promise)
            state.waiting.removeAll { $0.count <= count }
            return (count - 1, ready)
        }
        for promise in ready { promise.succeed(()) }
        return number
    }

    var deliveries: [Delivery] { state.withLock { $0.deliveries } }

    /// Waits until so many deliveries came.
    func wait(for count: Int) async throws -> [Delivery] {
        let promise = Promise<Void>()
        let isThere = state.withLock { state in
            if state.deliveries.count >= count { return true }
            state.waiting.append((count, promise))
            return false
        }
        if !isThere {
            try await withDeadline(.seconds(30), for: "\(count) callbacks") { try await promise.value() }
        }
        return deliveries
    }

    func stop() async {
        await server.stop(grace: .zero)
        itself.value = nil
    }
}

/// A value that is set once, later.
final class Late<Value: Sendable>: Sendable {
    private let content = Lock<Value?>(nil)
    var value: Value? {
        get { content.withLock { $0 } }
        set { content.withLock { $0 = newValue } }
    }
}
