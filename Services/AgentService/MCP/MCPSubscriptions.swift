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
        /// Their ids.
        var tasks: Set<String> = []
        var toolsListChanged = false
        var promptsListChanged = false

        fileprivate var subjects: [Change] { resources.map(Change.resource) + tasks.map(Change.task) }
    }

    /// What is told.
    enum Change: Sendable, Hashable {
        case resource(String)
        case task(String)
        case tools
        case prompts

        var method: String {
            switch self {
            case .resource: "notifications/resources/updated"
            case .task: "notifications/tasks"
            case .tools: "notifications/tools/list_changed"
            case .prompts: "notifications/prompts/list_changed"
            }
        }
    }

    private struct Listener: Sendable {
        let filter: Filter
        let notify: @Sendable (Change) -> Void
    }

    private struct State {
        var listeners: [Int: Listener] = [:]
        var next = 0
        /// Who listens to a resource or a task.
        var bySubject: [Change: Set<Int>] = [:]
    }

    /// Resources that one stream may ask for.
    static let most = 100
    /// Signalled when somebody begins or ends to listen.
    let changed = Wakeup()
    private let state = Lock(State())

    /// Whether somebody listens to a resource or a task.
    var isThere: Bool { state.withLock { !$0.bySubject.isEmpty } }

    /// Adds a listener; the result takes it away again.
    func add(_ filter: Filter, _ notify: @escaping @Sendable (Change) -> Void) -> Int {
        defer { changed.signal() }
        return state.withLock { state in
            let number = state.next
            state.next += 1
            state.listeners[number] = Listener(filter: filter, notify: notify)
            for subject in filter.subjects { state.bySubject[subject, default: []].insert(number) }
            return number
        }
    }

    /// Takes a listener away.
    func remove(_ number: Int) {
        defer { changed.signal() }
        state.withLock { state in
            guard let listener = state.listeners.removeValue(forKey: number) else { return }
            for subject in listener.filter.subjects {
                state.bySubject[subject]?.remove(number)
                if state.bySubject[subject]?.isEmpty == true { state.bySubject[subject] = nil }
            }
        }
    }

    /// Tells of what the log says. At the beginning of another history anything may have changed.
    func take(_ step: EventFeed.Step) {
        switch step {
        case .began: tell(Set(state.withLock { $0.bySubject.keys }))
        case .events(let events): tell(Set(events.flatMap(MCPSubscriptions.changes)))
        }
    }

    /// Tells that there are other tools.
    func toolsChanged() {
        let listeners = state.withLock { $0.listeners.values.filter(\.filter.toolsListChanged) }
        for listener in listeners { listener.notify(.tools) }
    }

    /// Tells that there are other prompts.
    func promptsChanged() {
        let listeners = state.withLock { $0.listeners.values.filter(\.filter.promptsListChanged) }
        for listener in listeners { listener.notify(.prompts) }
    }

    private func tell(_ changes: Set<Change>) {
        let told: [(Listener, Change)] = state.withLock { state in
            changes.flatMap { change in
                (state.bySubject[change] ?? []).compactMap { number in state.listeners[number].map { ($0, change) } }
            }
        }
        for (listener, change) in told { listener.notify(change) }
    }

    /// What is other after an event.
    private static func changes(_ event: FeedEvent) -> [Change] {
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
        return uris.map(Change.resource) + (event.job.map { [.task($0.description)] } ?? [])
    }
}
