import Contracts
import Edge
import HTTPServer
import Kernel
import Messaging
import Store
import Telemetry

/// From a wish to live updates.
extension Session {
    func subscribe(_ wish: ClientMessage.Wish, id: String?, _ mode: Subscription.Mode, snapshot: Bool) async {
        guard case .open(let principal) = phase else { return }
        let context = wish.context
        guard subscriptions[context] != nil || subscriptions.count < around.limits.contexts else {
            return refuse(.tooMany, "TOO_MANY_CONTEXTS", "at most \(around.limits.contexts) contexts at a time")
        }
        do {
            guard try await around.access.allows(principal, context) else {
                // The other contexts of the same message are not concerned.
                socket.send(ServerMessage.forbidden(context, id: id))
                return
            }
        } catch {
            return report(error, id: id, context: context)
        }
        guard case .open = phase else { return }
        end(context)
        let reason: Snapshot.Reason = wish.cursor == nil ? .new : .expired
        let request = Subscription.Request(id: id)
        begin(
            context,
            mode,
            Subscription.Start(cursor: wish.cursor, wantsSnapshot: snapshot, reason: reason, request: request)
        )
    }

    func begin(_ context: ContextID, _ mode: Subscription.Mode, _ start: Subscription.Start) {
        numbers += 1
        let number = numbers
        // Watched before anything is read: what comes meanwhile is in the ring.
        around.hub.watch(context)
        around.metrics.subscriptions.add(1)
        // Owned by `end`, which cancels it.
        let task = Task {
            do {
                try await catchUp(context, number, start)
                if subscriptions[context]?.number == number { subscriptions[context]?.task = nil }
            } catch is CancellationError {
                // The subscription has ended.
            } catch {
                guard subscriptions[context]?.number == number else { return }
                end(context)
                report(error, id: start.request?.id, context: context)
            }
        }
        subscriptions[context] = Subscription(number: number, mode: mode, task: task)
    }

    func end(_ context: ContextID) {
        guard let subscription = subscriptions.removeValue(forKey: context) else { return }
        subscription.task?.cancel()
        // It may be one of those that wait for room.
        if subscription.task != nil { wakeRoomWaiters() }
        table.unwatch(context, self)
        around.hub.unwatch(context)
        around.metrics.subscriptions.add(-1)
    }

    /// Begins all subscriptions anew: their cursors are of another history.
    func restart() {
        settle()
        for (context, subscription) in subscriptions {
            end(context)
            begin(context, subscription.mode, Subscription.Start(reason: .expired))
        }
    }

    private func catchUp(_ context: ContextID, _ number: UInt64, _ start: Subscription.Start) async throws {
        var cursor = start.cursor
        var request = start.request
        let conflates = start.conflates || subscriptions[context]?.mode == .latest
        // A ring that was overtaken while its watcher caught up sends it to the log again; a few times are plenty.
        for _ in 1...8 {
            let outcome = try await around.recovery.recover(
                context,
                from: cursor,
                wantsSnapshot: start.wantsSnapshot,
                because: start.reason
            )
            guard subscriptions[context]?.number == number else { return }
            let position: Position
            switch outcome {
            case .replay(let updates, let end):
                if let request {
                    socket.send(
                        ServerMessage.subscribed(
                            request.id,
                            context,
                            recovered: cursor != nil,
                            cursor ?? end.description
                        )
                    )
                }
                let rest = conflates ? Conflation(updates) : nil
                for skip in rest?.skips ?? [] { try await send(ServerMessage.skip(context, skip)) }
                for update in rest?.updates ?? updates {
                    try await send(update.frame)
                    update.event.passage.written(to: 1)
                }
                position = end
            case .snapshot(let snapshot, let reason):
                if let request { socket.send(ServerMessage.subscribed(request.id, context, recovered: false, nil)) }
                var pages = SnapshotPages(snapshot, of: context, reason, from: around.recovery.snapshots)
                while let page = try await pages.next() { try await send(WebSocketFrame(text: page)) }
                position = pages.position
            }
            request = nil
            cursor = position.description
            guard subscriptions[context]?.number == number else { return }
            if goLive(context, after: position) { return }
        }
        throw ServiceError(.serviceUnavailable, "updates come faster than they can be caught up with")
    }

    /// Joins the live updates; `false` when the ring no longer has what came after `position`.
    private func goLive(_ context: ContextID, after position: Position) -> Bool {
        guard let subscription = subscriptions[context] else { return true }
        // Watched before the ring is read: what comes meanwhile is handed out.
        subscriptions[context]?.given = position
        subscriptions[context]?.joinedAt = table.handed
        table.watch(context, self, subscription.mode, after: position)
        guard let missed = around.hub.updates(of: context, after: position) else {
            subscriptions[context]?.given = nil
            table.unwatch(context, self)
            return false
        }
        // Who is behind gets it when there is room.
        guard ladder.isNormal, !missed.isEmpty else { return true }
        if missed.reduce(0, { $0 + $1.frame.byteCount }) <= around.limits.softBytes {
            give(context, subscription.mode == .latest ? Conflation(missed) : nil, missed)
        } else {
            fallBehind()
            pay()
        }
        return true
    }

    /// Sends when the client has taken most of what came before.
    private func send(_ frame: WebSocketFrame) async throws {
        try Task.checkCancellation()
        while socket.queuedBytes > around.limits.lowBytes {
            table.watchPace(of: self)
            await withCheckedContinuation { roomWaiters.append($0) }
            try Task.checkCancellation()
            if case .closing = phase { throw CancellationError() }
        }
        socket.send(frame)
    }
}
