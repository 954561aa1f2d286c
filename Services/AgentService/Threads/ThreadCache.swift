import Contracts
import JSON
import Kernel

/// What this process knows of threads from what it has stored itself: good enough to try a change without asking first,
/// because the statement that stores it checks what was assumed.
struct ThreadCache {
    private struct Entry {
        var state: ThreadPlan.State
        /// The newest checkpoints of some namespaces, which are the parents of the next.
        var latest: [CheckpointKey: ThreadPlan.Known] = [:]
    }

    /// Threads that are remembered; beyond that some are forgotten.
    private static let most = 2_000
    /// Namespaces of each, and the bytes of a checkpoint's row that is worth remembering.
    private static let namespaces = 8
    private static let largest = 8 << 10

    private var entries: [ThreadID: Entry] = [:]

    /// Remembers what a plan has made of its threads.
    mutating func note(_ plan: ThreadPlan) {
        for (id, state) in plan.threads {
            var entry = entries[id] ?? Entry(state: state)
            entry.state = state
            entries[id] = entry
        }
        for checkpoint in plan.checkpoints {
            let key = checkpoint.key
            guard var entry = entries[key.thread] else { continue }
            for old in entry.latest.keys where old.namespace == key.namespace { entry.latest[old] = nil }
            let size = checkpoint.known.channels.bytes.count + 16 * checkpoint.known.digests.count
            if size <= ThreadCache.largest, entry.latest.count < ThreadCache.namespaces {
                entry.latest[key] = checkpoint.known
            }
            entries[key.thread] = entry
        }
        while entries.count > ThreadCache.most, let some = entries.keys.first { entries[some] = nil }
    }

    /// Forgets threads that have turned out to be otherwise.
    mutating func forget(_ ids: [ThreadID]) {
        for id in ids { entries[id] = nil }
    }

    /// What is known of some threads; `nil` when one of them is not known.
    func recall(_ ids: Set<ThreadID>) -> (
        threads: [ThreadID: ThreadPlan.State], known: [CheckpointKey: ThreadPlan.Known]
    )? {
        var threads: [ThreadID: ThreadPlan.State] = [:]
        var known: [CheckpointKey: ThreadPlan.Known] = [:]
        for id in ids {
            guard let entry = entries[id] else { return nil }
            threads[id] = entry.state
            known.merge(entry.latest) { first, _ in first }
        }
        return (threads, known)
    }
}
