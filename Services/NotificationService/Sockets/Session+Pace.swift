import Contracts
import HTTPServer
import Messaging
import Telemetry

/// What happens to a client that does not keep up: `SlowLadder` decides, this does it.
extension Session {
    /// The place up to which a live subscription was given everything; `nil` for one that catches up.
    func place(of subscription: Subscription) -> Position? {
        guard let given = subscription.given else { return nil }
        // A latest-only subscription is given nothing but by itself. Of what was handed out before it joined, it has got
        // what `given` says.
        guard subscription.mode == .all, let handed = ladder.isNormal ? table.handed : heldAt,
            subscription.joinedAt?.isBefore(handed) ?? true
        else { return given }
        return given.isBefore(handed) ? handed : given
    }

    /// An audience found too much waiting: everything up to `place` was queued, and what comes after it is not.
    func fellBehind(after place: Position?) {
        guard ladder.overflowed() else { return }
        heldAt = place
        around.metrics.conflated.add()
    }

    /// Queues nothing more before there is room.
    func fallBehind() {
        socket.hold(true)
        fellBehind(after: table.handed)
        table.watchPace(of: self)
    }

    /// The client has taken most of what waited.
    func roomCame() {
        wakeRoomWaiters()
        switch ladder.roomCame() {
        case nil: break
        case .updates: pay()
        case .snapshots:
            around.metrics.resynced.add()
            settle()
            for (context, subscription) in subscriptions where subscription.given != nil {
                end(context)
                begin(context, subscription.mode, Subscription.Start(reason: .slow))
            }
        }
    }

    /// Queues what a client that was behind is owed: the newest of every job, and what was left out. As much as there
    /// is room for; the rest when there is room again.
    func pay() {
        for (context, subscription) in subscriptions {
            guard let place = place(of: subscription) else { continue }
            guard let missed = around.hub.updates(of: context, after: place) else {
                // Overtaken: from the log, or all anew.
                end(context)
                let start = Subscription.Start(cursor: place.description, reason: .slow, conflates: true)
                begin(context, subscription.mode, start)
                continue
            }
            guard missed.isEmpty || give(context, Conflation(missed), missed) else { return }
        }
        settle()
    }

    /// Queues updates of a context, or what is left of them, and moves the subscription's place. Stops when no more
    /// should wait; returns whether all were queued.
    @discardableResult
    func give(_ context: ContextID, _ rest: Conflation?, _ missed: [Update]) -> Bool {
        guard let mode = subscriptions[context]?.mode else { return true }
        guard rest == nil || socket.queuedBytes <= around.limits.softBytes else { return false }
        for skip in rest?.skips ?? [] { socket.send(ServerMessage.skip(context, skip)) }
        var place: Position?
        var isWhole = true
        for update in rest?.updates ?? missed {
            if rest != nil, socket.queuedBytes > around.limits.softBytes {
                isWhole = false
                break
            }
            socket.send(update.frame)
            update.event.passage.written(to: 1)
            place = update.position
        }
        if isWhole { place = missed.last?.position }
        guard let place else { return isWhole }
        subscriptions[context]?.given = place
        table.watch(context, self, mode, after: place)
        return isWhole
    }

    /// Gives the newest to the subscriptions that want no more, if there is room.
    func giveLatest() {
        guard ladder.isNormal else { return }
        for (context, subscription) in subscriptions where subscription.mode == .latest {
            guard let place = subscription.given, let missed = around.hub.updates(of: context, after: place) else {
                continue
            }
            // Little may wait, so that what is sent is the latest.
            guard socket.queuedBytes <= around.limits.lowBytes else { return fallBehind() }
            if !missed.isEmpty, !give(context, Conflation(missed), missed) { return fallBehind() }
        }
    }

    /// Updates are queued as they come again.
    func settle() {
        ladder.settled()
        heldAt = nil
        socket.hold(false)
    }

    /// Looked at from time to time; `false` when that is not needed any more.
    func keepsPace(at now: ContinuousClock.Instant) -> Bool {
        switch ladder.look(at: now, stalledSince: socket.stalledSince) {
        case nil: break
        case .dropQueue: socket.dropQueued()
        case .close: closeSlow()
        }
        if case .closing = phase { return false }
        return !ladder.isNormal || !roomWaiters.isEmpty
    }

    func wakeRoomWaiters() {
        let waiters = roomWaiters
        roomWaiters = []
        for waiter in waiters { waiter.resume() }
    }
}
