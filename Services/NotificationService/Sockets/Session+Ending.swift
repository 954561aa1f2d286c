import Contracts
import HTTPServer
import Kernel
import Store
import Telemetry

/// The ways in which a session ends.
extension Session {
    /// Ends the session of a client that does not keep up. What waits is thrown away; it resumes with its cursor.
    func closeSlow() {
        if case .closing = phase { return }
        around.metrics.slowCloses.add()
        var cursors: [ContextID: Position] = [:]
        if let epoch = around.hub.head?.epoch {
            let left = socket.leftMark.position(in: epoch)
            // What was live when that update was queued has nothing older among what is thrown away. Of the others the
            // client knows better than we do.
            for (context, subscription) in subscriptions where subscription.given?.isBefore(left) == true {
                cursors[context] = left
            }
        }
        socket.dropQueued()
        socket.send(ServerMessage.tooSlow(cursors: cursors))
        close(.slowConsumer)
    }

    /// Ends the session by an administrator's wish.
    func kick() { refuse(.forbidden, "KICKED", "an administrator closed the connection") }

    /// Ends the session because its API key was revoked.
    func revoke() {
        if case .closing = phase { return }
        refuse(.unauthenticated, "UNAUTHENTICATED", "the API key was revoked, or has expired")
    }

    /// Tells the client when to come back, and where it stands; it is served until then.
    func drain(_ departure: DrainPlan.Departure) {
        if case .closing = phase { return }
        var cursors: [ContextID: Position] = [:]
        for (context, subscription) in subscriptions { cursors[context] = place(of: subscription) }
        socket.send(
            ServerMessage.drain(
                reconnectAfter: departure.slot,
                deadline: departure.window + around.limits.closeTimeout,
                cursors: cursors
            )
        )
        guard departure.slot > .zero else { return close(.restart) }
        // Owned by `ended`, which cancels it.
        leaving = Task {
            do { try await Task.sleep(for: departure.slot) } catch { return }
            close(.restart)
        }
    }

    var description: Description {
        let principal: String? = if case .open(let principal) = phase { principal.name } else { nil }
        return Description(
            id: id,
            address: socket.remoteAddress,
            principal: principal,
            contexts: subscriptions.keys.map(\.description).sorted(),
            queuedBytes: socket.queuedBytes,
            openedAt: openedAt
        )
    }

    // MARK: Closing

    func refuse(_ code: CloseCode, _ error: String, _ message: String) {
        socket.send(ServerMessage.error(ProtocolError(error, message, action: "reconnect")))
        close(code)
    }

    func close(_ code: CloseCode) {
        if case .closing = phase { return }
        phase = .closing
        for context in Array(subscriptions.keys) { end(context) }
        for timer in timers { timer.cancel() }
        timers = []
        inbox = []
        wakeRoomWaiters()
        socket.close(code: code.rawValue, reason: code.reason, within: around.limits.closeTimeout)
    }

    /// The last call: the socket is closed.
    func ended() {
        phase = .closing
        for context in Array(subscriptions.keys) { end(context) }
        for timer in timers { timer.cancel() }
        timers = []
        inbox = []
        wakeRoomWaiters()
        worker?.cancel()
        leaving?.cancel()
        if let seat { around.attendance.leave(seat) }
        seat = nil
        if table.remove(self) { around.hub.forget(socket.loop) }
        around.metrics.connections.add(-1)
    }
}
