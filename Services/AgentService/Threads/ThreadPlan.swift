import Contracts
import JSON
import Kernel

/// Decides on changes one after the other, on what their locked threads are, and collects what is to be stored for
/// those that are allowed. It knows the rules and no database.
struct ThreadPlan {
    /// A thread while changes are decided on.
    struct State {
        let project: ProjectID?
        var version: Int
        var checkpoints: Int
        let fence: Int64
        let isLeaseGiven: Bool
        let isLeased: Bool
    }

    /// A checkpoint that is there, or will be after the plan.
    struct Known {
        let version: Int
        let digest: UUID
        let channels: RawJSON
        let digests: [UUID]
    }

    /// A checkpoint to be stored.
    struct Checkpoint {
        let key: CheckpointKey
        let parent: CheckpointID?
        let body: RawJSON
        let metadata: RawJSON
        let known: Known
        let project: ProjectID?
        let trace: String
    }

    /// What tells writes apart.
    private struct WriteKey: Hashable {
        let checkpoint: CheckpointKey
        let task: String
        let index: Int
    }

    /// A write to be stored.
    struct Write {
        let key: CheckpointKey
        let draft: WriteDraft
    }

    private struct ValueKey: Hashable {
        let thread: ThreadID
        let digest: UUID
    }

    private(set) var threads: [ThreadID: State]
    private var known: [CheckpointKey: Known]
    private var changed: Set<ThreadID> = []
    private var values: [ValueKey: [UInt8]] = [:]
    private var stored: [CheckpointKey: Checkpoint] = [:]
    private var written: [WriteKey: Write] = [:]
    /// The events, in order: every version of a thread is one.
    private(set) var events: [Checkpoint] = []

    init(threads: [ThreadID: State], known: [CheckpointKey: Known]) {
        self.threads = threads
        self.known = known
    }

    /// Allows a change, or says why not.
    mutating func add(_ change: ThreadChange) throws -> ThreadChanged {
        guard var state = threads[change.thread], change.limit == nil || change.limit == state.project else {
            throw ServiceError.notFound("THREAD")
        }
        if let draft = change.checkpoint, let known = known[change.key], known.digest == draft.digest {
            return ThreadChanged(version: known.version, isRepeat: true)
        }
        try ThreadPlan.check(change, state)
        if let draft = change.checkpoint {
            let isNew = known[change.key] == nil
            guard !isNew || state.checkpoints < ThreadBounds.checkpoints else {
                throw ServiceError(.conflict, "the thread has \(ThreadBounds.checkpoints) checkpoints: prune it")
            }
            let channels = try compose(draft, of: change)
            state.version += 1
            state.checkpoints += isNew ? 1 : 0
            store(draft, channels, change, state)
            threads[change.thread] = state
        }
        for write in change.writes { note(write, change.key) }
        for (digest, bytes) in change.values { values[ValueKey(thread: change.thread, digest: digest)] = bytes }
        return ThreadChanged(version: state.version, isRepeat: false)
    }

    /// Who may change the thread now. A holder whose time is over may, as long as nobody has taken the lease since.
    private static func check(_ change: ThreadChange, _ state: State) throws {
        if let fence = change.fence {
            guard fence == state.fence, state.isLeaseGiven else {
                throw ServiceError(.leaseLost, "the lease with this fence is over: somebody else may drive the thread")
            }
        } else if state.isLeased {
            throw ServiceError(.conflict, "somebody has leased the thread; changing it needs their fence")
        }
        if let expected = change.expectedVersion, expected != state.version {
            throw ServiceError(
                .staleVersion,
                "the version is \(state.version) by now: read the thread again and repeat the change on that"
            )
        }
    }

    private mutating func store(
        _ draft: CheckpointDraft,
        _ channels: (json: RawJSON, digests: [UUID]),
        _ change: ThreadChange,
        _ state: State
    ) {
        let known = Known(
            version: state.version,
            digest: draft.digest,
            channels: channels.json,
            digests: channels.digests
        )
        let checkpoint = Checkpoint(
            key: change.key,
            parent: draft.parent,
            body: draft.body,
            metadata: draft.metadata,
            known: known,
            project: state.project,
            trace: change.trace
        )
        self.known[change.key] = known
        stored[change.key] = checkpoint
        changed.insert(change.thread)
        events.append(checkpoint)
        for (digest, bytes) in draft.values { values[ValueKey(thread: change.thread, digest: digest)] = bytes }
    }

    private mutating func note(_ write: WriteDraft, _ checkpoint: CheckpointKey) {
        let key = WriteKey(checkpoint: checkpoint, task: write.taskID, index: write.index)
        if write.index >= 0, written[key] != nil { return }
        written[key] = Write(key: checkpoint, draft: write)
    }

    /// The channels as the row has them: those of the draft, with what the parent has of them.
    private func compose(_ draft: CheckpointDraft, of change: ThreadChange) throws -> (json: RawJSON, digests: [UUID]) {
        var digests = draft.digests
        let parent = draft.parent.flatMap {
            known[CheckpointKey(thread: change.thread, namespace: change.namespace, id: $0)]
        }
        let channels = try parent.map { try JSONDocument(parsing: $0.channels.bytes).root }
        let json = try JSONWriter.bytes { json in
            try json.object { json in
                for channel in draft.channels {
                    try json.member(channel.name) { json in
                        try json.array { json in
                            json.value(channel.version)
                            switch channel.content {
                            case .given(let place): json.value(place)
                            case .none: break
                            case .unchanged:
                                guard let parent, let entry = channels?[channel.name]?.elements.map({ $0 }),
                                    entry.first?.raw == channel.version
                                else { throw ThreadPlan.notInParent(channel.name) }
                                guard entry.count == 2 else { break }
                                try StoredValue.move(entry[1], from: parent.digests, to: &digests, &json)
                            }
                        }
                    }
                }
            }
        }
        return (RawJSON(json), digests.all)
    }

    private static func notInParent(_ channel: String) -> ServiceError {
        ServiceError(
            .conflict,
            "the parent does not have the channel \(channel) at this version: send its value",
            details: RawJSON(JSONWriter.bytes { $0.object { $0.member("channel", channel) } })
        )
    }

    /// Checkpoints to be stored, each once.
    var checkpoints: [Checkpoint] { Array(stored.values) }
    /// Writes to be stored.
    var writes: [Write] { Array(written.values) }
    /// Values to be kept.
    var keptValues: [(thread: ThreadID, digest: UUID, bytes: [UInt8])] {
        values.map { ($0.key.thread, $0.key.digest, $0.value) }
    }
    /// Threads whose rows change.
    var changedThreads: [(id: ThreadID, state: State)] { changed.compactMap { id in threads[id].map { (id, $0) } } }
    /// Whether there is nothing to do.
    var isEmpty: Bool { stored.isEmpty && written.isEmpty }
}
