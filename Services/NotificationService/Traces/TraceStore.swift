import Concurrency
import Kernel
import Messaging
import Telemetry

/// Remembers the way of the latest events through this node, so many at most, and measures each part of it.
final class TraceStore: Sendable {
    private struct State {
        /// In the order they came; the oldest is replaced by the next.
        var ids: [String] = []
        var oldest = 0
        var passages: [String: EventPassage] = [:]
    }

    private let capacity: Int
    private let state = Lock(State())
    private let published: Histogram
    private let received: Histogram
    private let written: Histogram

    init(capacity: Int = 8192, metrics: Metrics) {
        self.capacity = capacity
        let help = "An event's way from its transaction to the sockets, by its parts."
        func histogram(_ hop: String) -> Histogram {
            metrics.histogram("martlet_notify_hop_seconds", help, labels: ["hop": hop])
        }
        published = histogram("stored_to_published")
        received = histogram("published_to_received")
        written = histogram("received_to_written")
    }

    /// Measures events that were handed out.
    func measure(_ events: some Sequence<FeedEvent>) {
        for event in events {
            let passage = event.passage
            if let at = passage.published {
                // Clocks of several machines: what seems to have come before it left took no time.
                if let stored = passage.stored { published.record(max(.zero, at - stored)) }
                received.record(max(.zero, passage.received - at))
            }
            if let at = passage.firstWritten { written.record(max(.zero, at - passage.received)) }
        }
    }

    /// Takes events that came.
    func remember(_ events: [FeedEvent]) {
        state.withLock { state in
            for event in events {
                // A repetition was dropped before; one that comes all the same replaces the first.
                let isNew = state.passages.updateValue(event.passage, forKey: event.id) == nil
                guard isNew else { continue }
                if state.ids.count < capacity {
                    state.ids.append(event.id)
                } else {
                    state.passages[state.ids[state.oldest]] = nil
                    state.ids[state.oldest] = event.id
                    state.oldest = (state.oldest + 1) % capacity
                }
            }
        }
    }

    /// The way of an event, if it is remembered.
    func passage(of id: String) -> EventPassage? { state.withLock { $0.passages[id] } }
}
