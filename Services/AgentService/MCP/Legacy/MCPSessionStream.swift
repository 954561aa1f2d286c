import Concurrency
import HTTPServer
import JSON
import Kernel
import Store

/// The stream of a legacy session that belongs to no call: it tells of the resources that the session has subscribed to.
/// A session has one, its newest, wherever it is; so nothing is told twice. A resource is told of when the stream learns
/// of its subscription too: what has happened before that nobody has heard.
struct MCPSessionStream: Sendable {
    let sessions: MCPSessions
    let subscriptions: MCPSubscriptions
    let watch: MCPWatch

    /// Opens the stream, and so ends the one before.
    func response(_ session: MCPSessions.Session, _ principal: Principal) async throws -> Response {
        let id = IdentifierSource().uuid()
        if let before = try await sessions.listen(session, as: id) { watch.ring(before) }
        return EventStream.response { writer in
            try await watch.watching(id) { wakeup in try await tell(id, principal, wakeup, to: writer) }
        }
    }

    private func tell(_ id: UUID, _ principal: Principal, _ wakeup: Wakeup, to writer: ResponseWriter) async throws {
        let inbox = MCPInbox(wakeup)
        var known: Set<String> = []
        var listener = subscriptions.add(MCPSubscriptions.Filter()) { _ in }
        defer { subscriptions.remove(listener) }
        // A token that ends takes along what was begun with it.
        let end = principal.expiresAt.map { $0 - WallClock.system.now() } ?? .seconds(86_400)
        let last = ContinuousClock.now + end
        try await writer.write(EventStream.comment)
        while last > .now, let wanted = try await sessions.subscriptions(of: id) {
            if wanted != known {
                let before = listener
                listener = subscriptions.add(MCPSubscriptions.Filter(resources: wanted)) { change in
                    if case .resource(let uri) = change { inbox.add(uri) }
                }
                subscriptions.remove(before)
                for uri in wanted.subtracting(known) { inbox.add(uri) }
                known = wanted
            }
            for uri in inbox.take() where wanted.contains(uri) {
                let message = MCPMessage.notification("notifications/resources/updated") { $0.member("uri", uri) }
                try await writer.write(EventStream.event(message))
            }
            if try await !wakeup.wait(atMost: min(EventStream.silence, last - .now)) {
                try await writer.write(EventStream.comment)
            }
        }
    }
}
