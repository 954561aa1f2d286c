import Concurrency
import JSON
import Kernel
import Store

/// `subscriptions/listen`: a stream that lasts until its client closes it, its token ends or the process stops.
struct MCPListening: Sendable {
    let resources: MCPResources
    let subscriptions: MCPSubscriptions
    let tasks: MCPTasks
    /// Whether the lists may change, which only those of the conformance suite do.
    let hasFixtures: Bool

    /// Acknowledges what is honoured, then tells of it; returns the result that ends the stream.
    func listen(_ request: MCPRequest, _ id: MCPMessage.ID) async throws -> RawJSON {
        let filter = try await honoured(request)
        let meta = JSONWriter.bytes { $0.object { $0.member("\(MCPVersion.prefix)subscriptionId", id.json) } }
        request.outbox.send(
            MCPMessage.notification("notifications/subscriptions/acknowledged") { json in
                json.member("notifications") { json in
                    json.object {
                        if filter.toolsListChanged { $0.member("toolsListChanged", true) }
                        if filter.promptsListChanged { $0.member("promptsListChanged", true) }
                        if !filter.resources.isEmpty { $0.member("resourceSubscriptions", filter.resources.sorted()) }
                        if !filter.tasks.isEmpty { $0.member("taskIds", filter.tasks.sorted()) }
                    }
                }
                json.member("_meta", RawJSON(meta))
            }
        )
        let inbox = MCPInbox()
        let listener = subscriptions.add(filter) { change in
            if case .task(let id) = change { return inbox.add(id) }
            request.outbox.send(
                MCPMessage.notification(change.method) {
                    if case .resource(let uri) = change { $0.member("uri", uri) }
                    $0.member("_meta", RawJSON(meta))
                }
            )
        }
        defer { subscriptions.remove(listener) }
        var told: [String: [UInt8]] = [:]
        // What ended between its beginning and now is told at once.
        for task in filter.tasks { inbox.add(task) }
        do {
            // A token that ends takes along what was begun with it.
            let end = request.principal.expiresAt.map { $0.microseconds - WallClock.system.now().microseconds }
            let last = ContinuousClock.now + (end.map { .microseconds(max(0, $0)) } ?? .seconds(86_400))
            while last > .now {
                for id in try await inbox.next(atMost: last - .now) {
                    guard let task = try await tasks.find(id, for: request.principal) else { continue }
                    let message = MCPMessage.notification("notifications/tasks") {
                        task.writeMembers(to: &$0, details: true)
                        $0.member("_meta", RawJSON(meta))
                    }
                    // Not every event of a job changes its task.
                    if told.updateValue(message, forKey: id) != message { request.outbox.send(message) }
                }
            }
        } catch is CancellationError {
            // The client has gone, or the process stops: then this still reaches the client.
        }
        return RawJSON(
            JSONWriter.bytes { json in
                json.object {
                    $0.member("resultType", "complete")
                    $0.member("_meta", RawJSON(meta))
                }
            }
        )
    }

    /// What is asked for, without what is not offered, not there, or not for the caller.
    private func honoured(_ request: MCPRequest) async throws -> MCPSubscriptions.Filter {
        guard let asked = request.parameters["notifications"], asked.kind == .object else {
            throw MCPError.parameters("notifications is missing")
        }
        var filter = MCPSubscriptions.Filter()
        filter.toolsListChanged = hasFixtures && asked["toolsListChanged"]?.bool == true
        filter.promptsListChanged = hasFixtures && asked["promptsListChanged"]?.bool == true
        let uris = asked.value("resourceSubscriptions")?.elements.compactMap(\.string) ?? []
        guard uris.count <= MCPSubscriptions.most else {
            throw MCPError.parameters("at most \(MCPSubscriptions.most) resources by one stream")
        }
        for uri in Set(uris) {
            if try await resources.read(uri, request) != nil { filter.resources.insert(uri) }
        }
        guard let ids = asked.value("taskIds")?.elements.compactMap(\.string) else { return filter }
        try MCPTasks.require(request)
        guard ids.count <= MCPSubscriptions.most else {
            throw MCPError.parameters("at most \(MCPSubscriptions.most) tasks by one stream")
        }
        for id in Set(ids) {
            if let task = try await tasks.find(id, for: request.principal) { filter.tasks.insert(task.id) }
        }
        return filter
    }
}
