import Concurrency
import Contracts
import JSON
import Kernel
import Messaging

/// Who wants to hear of what. What changes is learnt from the event log, so it does not matter which replica, service or
/// person has changed it.
final class MCPSubscriptions: LogAudience {
    /// What a client asks to be told of, as far as it is honoured.
    struct Filter: Sendable {
        var resources: Set<String> = []
        var toolsListChanged = false
    }

    private struct Listener: Sendable {
        let filter: Filter
        let notify: @Sendable (_ method: String, _ uri: String?) -> Void
    }

    private struct State {
        var listeners: [Int: Listener] = [:]
        var next = 0
        /// Who listens to a resource.
        var byResource: [String: Set<Int>] = [:]
    }

    /// Resources that one stream may ask for.
    static let most = 100
    /// Signalled when somebody begins or ends to listen.
    let changed = Wakeup()
    private let state = Lock(State())

    /// Whether somebody listens to a resource.
    var isThere: Bool { state.withLock { !$0.byResource.isEmpty } }

    /// Adds a listener; the result takes it away again.
    func add(_ filter: Filter, _ notify: @escaping @Sendable (_ method: String, _ uri: String?) -> Void) -> Int {
        defer { changed.signal() }
        return state.withLock { state in
            let number = state.next
            state.next += 1
            state.listeners[number] = Listener(filter: filter, notify: notify)
            for uri in filter.resources { state.byResource[uri, default: []].insert(number) }
            return number
        }
    }

    /// Takes a listener away.
    func remove(_ number: Int) {
        defer { changed.signal() }
        state.withLock { state in
            guard let listener = state.listeners.removeValue(forKey: number) else { return }
            for uri in listener.filter.resources {
                state.byResource[uri]?.remove(number)
                if state.byResource[uri]?.isEmpty == true { state.byResource[uri] = nil }
            }
        }
    }

    /// Tells of what the log says. At the beginning of another history anything may have changed.
    func take(_ step: EventFeed.Step) {
        switch step {
        case .began: tell(Set(state.withLock { $0.byResource.keys }))
        case .events(let events): tell(Set(events.flatMap(MCPSubscriptions.resources)))
        }
    }

    /// Tells that there are other tools.
    func toolsChanged() {
        let listeners = state.withLock { $0.listeners.values.filter(\.filter.toolsListChanged) }
        for listener in listeners { listener.notify("notifications/tools/list_changed", nil) }
    }

    private func tell(_ uris: Set<String>) {
        let told: [(Listener, String)] = state.withLock { state in
            uris.flatMap { uri in
                (state.byResource[uri] ?? []).compactMap { number in state.listeners[number].map { ($0, uri) } }
            }
        }
        for (listener, uri) in told { listener.notify("notifications/resources/updated", uri) }
    }

    /// The resources that are other after an event.
    private static func resources(_ event: FeedEvent) -> [String] {
        var uris: [String] = []
        if let project = event.project { uris.append("martlet://projects/\(project)/memory") }
        if let card = event.card {
            uris += ["martlet://cards/\(card)", "martlet://cards/\(card)/memory"]
            if event.job != nil { uris.append("martlet://cards/\(card)/jobs") }
        }
        if event.type == EventType.assetApproved.rawValue || event.type == EventType.assetRevoked.rawValue,
            let asset = event.id.split(separator: ":").first
        {
            uris.append("martlet://assets/\(asset)")
        }
        return uris
    }
}
