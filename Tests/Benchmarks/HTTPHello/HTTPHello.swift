import HTTPServer
import Synchronization
import Telemetry

/// A server to measure: `HTTPHello <port> [loops]`.
///
/// - `GET /hello`: 37 bytes of JSON, as a peer's `return 200` sends them; its handler does not wait.
/// - `GET /hello-task`: the same from a handler that could wait, as those of the services do.
/// - `POST /echo`: the body again.
/// - `/sub/…`: a WebSocket that gets what is posted to `/pub/…`, shared by all subscribers of the loop.
/// - `/ws-echo`: a WebSocket that answers each message with itself.
@main
struct HTTPHello {
    static func main() async throws {
        let arguments = CommandLine.arguments.dropFirst().compactMap { Int($0) }
        var settings = ServerSettings(port: UInt16(arguments.first ?? 8090), loops: arguments.dropFirst().first ?? 1)
        settings.connectionsPerAddress = 20_000
        let body = Array("{\"message\":\"hello, world\",\"ok\":true}  ".utf8.prefix(37))
        let hub = Hub()
        var router = Router()
        router.add(.get, "/hello") { _ in Response(.ok, type: "application/json", body) }
        router.add(.get, "/hello-task") { (_: Request) async in Response(.ok, type: "application/json", body) }
        router.add(.post, "/echo", body: .buffered(atMost: 16 << 20)) { Response(.ok, body: .bytes($0.body.bytes)) }
        router.webSocket("/sub/{channel}") { _ in .accept(hub) }
        router.add(.post, "/pub/{channel}") { request in
            hub.publish(WebSocketFrame(text: request.body.bytes))
            return Response(.accepted)
        }
        let echo = Echo()
        router.webSocket("/ws-echo") { _ in
            .accept(echo, limits: WebSocketLimits(messageBytes: 32 << 20, queuedBytes: 128 << 20))
        }
        let server = Server(settings: settings, router: router, logger: .silent, metrics: Metrics())
        let address = try await server.start()
        print("listening on \(address.host):\(address.port)")
        while true { try await Task.sleep(for: .seconds(3600)) }
    }
}

/// The subscribers of each loop.
final class Hub: WebSocketHandler {
    private typealias Room = LoopConfined<[UInt64: WebSocket]>

    private let rooms = Mutex<[ObjectIdentifier: (loop: EventLoop, room: Room)]>([:])

    private func room(of loop: EventLoop) -> Room {
        rooms.withLock { rooms in
            let room = rooms[ObjectIdentifier(loop)]?.room ?? Room(loop, [:])
            rooms[ObjectIdentifier(loop)] = (loop, room)
            return room
        }
    }

    func publish(_ frame: WebSocketFrame) {
        for (loop, room) in rooms.withLock({ Array($0.values) }) {
            loop.submit {
                room.withValue { sockets in
                    for socket in sockets.values { socket.send(frame) }
                }
            }
        }
    }

    func opened(_ socket: WebSocket) { room(of: socket.loop).withValue { $0[socket.id] = socket } }
    func received(_ message: [UInt8], isText: Bool, from socket: WebSocket) {}
    func closed(_ socket: WebSocket, code: UInt16, reason: String) {
        room(of: socket.loop).withValue { $0[socket.id] = nil }
    }
}

/// Sends each message back.
final class Echo: WebSocketHandler {
    func received(_ message: [UInt8], isText: Bool, from socket: WebSocket) {
        socket.send(isText ? WebSocketFrame(text: message) : WebSocketFrame(binary: message))
    }
    func closed(_ socket: WebSocket, code: UInt16, reason: String) {}
}
