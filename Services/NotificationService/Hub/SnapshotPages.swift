import Contracts
import JSON
import Kernel

/// A snapshot on its way to one watcher, message by message. It holds one read of the database at a time: a watcher
/// that takes nothing costs no more memory than that.
struct SnapshotPages: Sendable {
    static let pageSize = 50

    private let snapshot: Snapshot
    private let context: ContextID
    private let reason: Snapshot.Reason
    private let source: Snapshots
    private var jobs: ArraySlice<RawJSON>
    private var last: JobID?
    private var sent = 0
    /// Whether the last message was given.
    private(set) var isAtEnd = false

    init(_ snapshot: Snapshot, of context: ContextID, _ reason: Snapshot.Reason, from source: Snapshots) {
        self.snapshot = snapshot
        self.context = context
        self.reason = reason
        self.source = source
        jobs = snapshot.jobs[...]
        last = snapshot.last
    }

    /// The place to go on from after the last message.
    var position: Position { snapshot.position }

    /// The next message. Only the last has the cursor: who loses the connection before it has not got all.
    mutating func next() async throws -> [UInt8]? {
        guard !isAtEnd else { return nil }
        let page = Array(jobs.prefix(SnapshotPages.pageSize))
        jobs = jobs.dropFirst(page.count)
        sent += page.count
        if jobs.isEmpty, sent < Snapshot.maximumJobs, let last {
            // Read later than the place: what changed since comes again as updates.
            let more = try await source.jobs(of: context, before: last)
            jobs = more.jobs[...]
            self.last = more.last
        }
        isAtEnd = jobs.isEmpty
        return JSONWriter.bytes { json in
            json.object {
                $0.member("type", ServerMessageType.snapshot.rawValue)
                $0.member("context_id", context.description)
                $0.member("cursor", isAtEnd ? position.description : nil)
                $0.member("reason", reason.rawValue)
                $0.member("jobs", page)
                $0.member("last", isAtEnd)
                if isAtEnd { $0.member("truncated", sent >= Snapshot.maximumJobs) }
            }
        }
    }
}
