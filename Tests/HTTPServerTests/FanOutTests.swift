import Concurrency
import HTTPServer
import Testing

/// Frames to many sockets, and to slow ones.
@Suite(.timeLimit(.minutes(1))) struct FanOutTests {
    /// Gives the sockets to the test and tells when they drain.
    final class Sockets: WebSocketHandler {
        let opened = Probe<UInt64>()
        let told = Probe<String>()
        let list = Lock<[WebSocket]>([])

        func opened(_ socket: WebSocket) {
            list.withLock { $0.append(socket) }
            opened.note(socket.id)
        }
        func received(_ message: [UInt8], isText: Bool, from socket: WebSocket) {}
        func drained(_ socket: WebSocket) { told.note("drained \(socket.queuedBytes)") }
        func closed(_ socket: WebSocket, code: UInt16, reason: String) { told.note("closed \(code) \(reason)") }

        /// Runs `body` with the socket, on its loop.
        func with<Value: Sendable>(
            _ index: Int,
            _ body: @escaping @Sendable (WebSocket) -> Value
        ) async throws -> Value {
            let socket = list.withLock { $0[index] }
            let promise = Promise<Value>()
            socket.loop.submit { promise.succeed(body(socket)) }
            return try await promise.value()
        }
    }

    private func withSockets(
        _ limits: WebSocketLimits = WebSocketLimits(),
        _ body: (UInt16, Sockets) async throws -> Void
    ) async throws {
        let sockets = Sockets()
        try await withServer { router in
            router.webSocket("/ws") { _ in .accept(sockets, limits: limits) }
        } _: { port, _ in
            try await body(port, sockets)
        }
        sockets.list.withLock { $0 = [] }
    }

    @Test func `a broadcast reaches everyone, in order`() async throws {
        try await withSockets { port, sockets in
            var clients: [RawClient] = []
            for count in 1...20 {
                clients.append(try await RawClient.openWebSocket(port))
                try await sockets.opened.wait(for: "\(count) sockets") { $0.count == count }
            }
            _ = try await sockets.with(0) { first in
                let all = sockets.list.withLock { $0 }
                for number in 0..<100 {
                    let frame = WebSocketFrame(text: "\(number)")
                    for socket in all { socket.send(frame) }
                }
                // Nothing leaves before the batch ends: then all frames leave together.
                return first.queuedFrames
            }
            for client in clients {
                for number in 0..<100 { #expect(try await client.readFrame() == .text("\(number)")) }
            }
        }
    }

    @Test func `a slow reader's queue grows, can be dropped without cutting a frame, and drains`() async throws {
        try await withSockets(WebSocketLimits(queuedBytes: 64 << 20, lowMark: 1024)) { port, sockets in
            let client = try await RawClient.openWebSocket(port, receiveBuffer: 4096)
            try await sockets.opened.wait(for: "a socket") { $0.count == 1 }
            let frame = WebSocketFrame(binary: [UInt8](repeating: 5, count: 100_000))
            // More than the kernel's buffers, so that frames must wait.
            let queued = try await sockets.with(0) { socket in
                for _ in 0..<200 { socket.send(frame) }
                return socket.queuedBytes
            }
            #expect(queued == 200 * frame.byteCount)
            let (left, bytes, stalled) = try await sockets.with(0) {
                ($0.queuedFrames, $0.queuedBytes, $0.stalledSince != nil)
            }
            #expect(left > 2)
            // One frame at least has begun.
            #expect(bytes < 200 * frame.byteCount)
            #expect(stalled)
            let kept = try await sockets.with(0) { socket in
                socket.dropQueued()
                socket.send(WebSocketFrame(text: "after"))
                return socket.queuedFrames
            }
            #expect(kept <= 2)
            var whole = 0
            while case let next = try await client.readFrame(), next != .text("after") {
                #expect(next.code == 2 && next.payload.count == 100_000)
                whole += 1
            }
            // What had begun came whole; what had not never came.
            #expect(whole >= 1 && whole <= 201 - left)
            try await sockets.told.wait(for: "drained") { $0.contains { $0.hasPrefix("drained") } }
            let idle = try await sockets.with(0) { ($0.queuedFrames, $0.queuedBytes, $0.stalledSince) }
            #expect(idle == (0, 0, nil))
        }
    }

    @Test func `a queue has a bound, and beyond it the socket is cut`() async throws {
        try await withSockets(WebSocketLimits(queuedBytes: 10_000)) { port, sockets in
            let client = try await RawClient.openWebSocket(port)
            try await sockets.opened.wait(for: "a socket") { $0.count == 1 }
            _ = try await sockets.with(0) { socket in
                for _ in 0..<11 { socket.send(WebSocketFrame(binary: [UInt8](repeating: 5, count: 1000))) }
            }
            try await sockets.told.wait(for: "closed 1006 too much waited to be sent")
            await client.close()
        }
    }

    @Test func `a client that closes while much waits for it gets all of that and a close`() async throws {
        try await withSockets(WebSocketLimits(queuedBytes: 64 << 20)) { port, sockets in
            let client = try await RawClient.openWebSocket(port, receiveBuffer: 4096)
            try await sockets.opened.wait(for: "a socket") { $0.count == 1 }
            _ = try await sockets.with(0) { $0.send(WebSocketFrame(binary: [UInt8](repeating: 5, count: 8 << 20))) }
            try await client.send(.close(1000))
            try await sockets.told.wait(for: "closed 1000 ")
            #expect(try await client.readFrame().payload.count == 8 << 20)
            #expect(try await client.readFrame() == .close(1000))
            #expect(try await client.isAtEnd())
        }
    }

    @Test func `a close of ours is answered, and one that is not is cut`() async throws {
        try await withSockets { port, sockets in
            let polite = try await RawClient.openWebSocket(port)
            try await sockets.opened.wait(for: "a socket") { $0.count == 1 }
            _ = try await sockets.with(0) { socket in
                socket.send(WebSocketFrame(text: "last"))
                socket.close(code: 4012, reason: "restart, resume")
                socket.send(WebSocketFrame(text: "not any more"))
            }
            #expect(try await polite.readFrame() == .text("last"))
            let close = try await polite.readFrame()
            #expect(close == .close(4012, "restart, resume"))
            try await polite.send(close)
            #expect(try await polite.isAtEnd())
            try await sockets.told.wait(for: "closed 4012 restart, resume")

            let deaf = try await RawClient.openWebSocket(port)
            try await sockets.opened.wait(for: "another") { $0.count == 2 }
            _ = try await sockets.with(1) { $0.close(code: 1000, reason: "", within: .milliseconds(30)) }
            #expect(try await deaf.readFrame() == .close(1000))
            try await sockets.told.wait(for: "closed 1006 close handshake timed out")
        }
    }

    @Test func `a socket that has closed takes calls and does nothing`() async throws {
        try await withSockets { port, sockets in
            let client = try await RawClient.openWebSocket(port)
            try await sockets.opened.wait(for: "a socket") { $0.count == 1 }
            await client.reset()
            try await sockets.told.wait(for: "closed 1006 connection lost")
            let state = try await sockets.with(0) { socket in
                socket.send(WebSocketFrame(text: "a"))
                socket.dropQueued()
                socket.ping()
                socket.close(code: 1000, reason: "")
                return (socket.queuedBytes, socket.queuedFrames)
            }
            #expect(state == (0, 0))
        }
    }

    @Test func `a socket is used on its loop only`() async throws {
        await #expect(processExitsWith: .failure) {
            let sockets = Sockets()
            try await withServer { router in
                router.webSocket("/ws") { _ in .accept(sockets) }
            } _: { port, _ in
                _ = try await RawClient.openWebSocket(port)
                try await sockets.opened.wait(for: "a socket") { $0.count == 1 }
                sockets.list.withLock { $0[0] }.ping()
            }
        }
    }
}
