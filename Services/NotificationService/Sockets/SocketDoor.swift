import Concurrency
import HTTPServer
import Store
import Telemetry

/// Gives a WebSocket its session, and the session what happens on the socket.
final class SocketDoor: WebSocketHandler {
    private let principal: Principal?
    private let wishes: [ClientMessage.Wish]
    private let around: Session.Surroundings
    private let session = Lock<Session?>(nil)

    init(_ principal: Principal?, _ wishes: [ClientMessage.Wish], _ around: Session.Surroundings) {
        self.principal = principal
        self.wishes = wishes
        self.around = around
    }

    func opened(_ socket: WebSocket) {
        let session = Session(socket, around)
        self.session.withLock { $0 = session }
        session.assumeIsolated { $0.open(principal, wishes) }
    }

    func received(_ message: [UInt8], isText: Bool, from socket: WebSocket) {
        session.withLock { $0 }?.assumeIsolated { $0.received(message, isText: isText) }
    }

    func drained(_ socket: WebSocket) { session.withLock { $0 }?.assumeIsolated { $0.roomCame() } }

    func stopping(_ socket: WebSocket) {
        let departure = around.drain.next(of: around.metrics.connections.current)
        session.withLock { $0 }?.assumeIsolated { $0.drain(departure) }
    }

    func closed(_ socket: WebSocket, code: UInt16, reason: String) {
        let session = session.withLock { held in
            defer { held = nil }
            return held
        }
        session?.assumeIsolated { $0.ended() }
    }
}
