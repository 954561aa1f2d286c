import Concurrency

/// What a consumer's user hands to its thread.
final class ConsumerMailbox: Sendable {
    private struct Content {
        var generation: UInt64 = 0
        var settlements: [Settlement] = []
        var phase = RunPhase.idle
    }

    let doorbell = DoorbellHandle()
    private let content = Lock(Content())

    var isStopping: Bool { content.withLock { $0.phase >= .stopping } }

    func advance(to phase: RunPhase) {
        content.withLock { $0.phase = max($0.phase, phase) }
        doorbell.ring()
    }

    /// A new connection: what is still to be settled belonged to the old one.
    func begin(generation: UInt64) {
        content.withLock { content in
            content.generation = generation
            content.settlements = []
        }
    }

    func settle(_ settlement: Settlement, of tag: Delivery.Tag) {
        let isFirst = content.withLock { content in
            guard content.generation == tag.generation else { return false }
            content.settlements.append(settlement)
            return content.settlements.count == 1
        }
        if isFirst { doorbell.ring() }
    }

    func takeSettlements() -> [Settlement] {
        content.withLock { content in
            defer { content.settlements = [] }
            return content.settlements
        }
    }
}
