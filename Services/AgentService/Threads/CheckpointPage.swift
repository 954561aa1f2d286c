import Contracts
import JSON
import Kernel
import Postgres

/// Checkpoints with their values and writes, read at one moment. A value that several of them have is read once.
struct CheckpointPage: Sendable {
    let checkpoints: [Checkpoint]
    /// Whether there are more behind these.
    let hasMore: Bool
    private let writes: [CheckpointKey: [CheckpointWrite]]
    private let values: [UUID: [UInt8]]

    /// Reads at most `limit` checkpoints, and fewer where they would be larger than a page may be.
    static func read(_ filter: CheckpointFilter, limit: Int, in pool: Pool) async throws -> CheckpointPage {
        try await pool.withTransaction(.repeatableRead, readOnly: true) { transaction in
            let rows = try transaction.query(CheckpointStatements.list(filter, limit: limit + 1))
            let found = try rows.map(Checkpoint.init)
            guard !found.isEmpty else {
                return CheckpointPage(checkpoints: [], hasMore: false, writes: [:], values: [:])
            }
            let writes = try CheckpointPage.writes(filter.thread, Array(found.prefix(limit)), in: transaction)
            let shown =
                limit == 1
                ? 1 : try CheckpointPage.fitting(Array(found.prefix(limit)), writes, filter.thread, in: transaction)
            let checkpoints = Array(found.prefix(shown))
            var digests = Set(checkpoints.flatMap(\.digests))
            for checkpoint in checkpoints {
                for write in writes[checkpoint.key] ?? [] { digests.formUnion(write.digests) }
            }
            var values: [UUID: [UInt8]] = [:]
            if !digests.isEmpty {
                for row in try transaction.query(CheckpointStatements.values(filter.thread, of: Array(digests))) {
                    values[try row.decode(0)] = try row.decode(1)
                }
            }
            return CheckpointPage(
                checkpoints: checkpoints,
                hasMore: found.count > shown,
                writes: writes,
                values: values
            )
        }
    }

    private static func writes(
        _ thread: ThreadID,
        _ checkpoints: [Checkpoint],
        in transaction: isolated Transaction
    ) throws -> [CheckpointKey: [CheckpointWrite]] {
        let rows = try transaction.query(CheckpointStatements.writes(thread, of: checkpoints.map(\.key.id)))
        return Dictionary(grouping: try rows.map(CheckpointWrite.init)) {
            CheckpointKey(thread: thread, namespace: $0.namespace, id: $0.checkpointID)
        }
    }

    /// How many of the checkpoints a page has room for: one at least. A value counts for each that shows it.
    private static func fitting(
        _ checkpoints: [Checkpoint],
        _ writes: [CheckpointKey: [CheckpointWrite]],
        _ thread: ThreadID,
        in transaction: isolated Transaction
    ) throws -> Int {
        let named = checkpoints.map { $0.digests + (writes[$0.key] ?? []).flatMap(\.digests) }
        let all = Set(named.joined())
        guard !all.isEmpty else { return checkpoints.count }
        var sizes: [UUID: Int] = [:]
        for row in try transaction.query(CheckpointStatements.sizes(thread, of: Array(all))) {
            sizes[try row.decode(0)] = try row.decode(1)
        }
        var total = 0
        for (index, digests) in named.enumerated() {
            total += digests.reduce(checkpoints[index].body.bytes.count) { $0 + (sizes[$1] ?? 0) }
            if total > ThreadBounds.pageBytes, index > 0 { return index }
        }
        return checkpoints.count
    }

    /// Writes one of the checkpoints as an object.
    func write(_ checkpoint: Checkpoint, to json: inout JSONWriter) throws {
        let body = try JSONDocument(parsing: checkpoint.body.bytes).root
        let channels = try JSONDocument(parsing: checkpoint.channels.bytes).root.members
            .map { (name: $0.name, entry: $0.value.elements.map { $0 }) }
        try json.object { json in
            json.member("thread_id", checkpoint.key.thread)
            json.member("checkpoint_ns", checkpoint.key.namespace)
            json.member("checkpoint_id", checkpoint.key.id)
            json.member("parent_checkpoint_id", checkpoint.parent)
            json.member("version", checkpoint.version)
            try json.member("checkpoint") { json in
                try json.object { json in
                    for member in body.members { json.member(member.name, member.value) }
                    try json.member("channel_values") { json in
                        try json.object { json in
                            for (name, entry) in channels where entry.count == 2 {
                                json.key(name)
                                try StoredValue.join(entry[1], checkpoint.digests, values, to: &json)
                            }
                        }
                    }
                }
            }
            json.member("channel_versions") { json in
                json.object { json in
                    for (name, entry) in channels {
                        if let version = entry.first, !version.isNull { json.member(name, version) }
                    }
                }
            }
            json.member("metadata", checkpoint.metadata)
            try json.member("writes") { json in
                try json.array { json in
                    for write in writes[checkpoint.key] ?? [] { try self.write(write, to: &json) }
                }
            }
            json.member("created_at", checkpoint.createdAt)
        }
    }

    private func write(_ write: CheckpointWrite, to json: inout JSONWriter) throws {
        let place = try JSONDocument(parsing: write.place.bytes).root
        try json.object { json in
            json.member("task_id", write.taskID)
            json.member("task_path", write.taskPath)
            json.member("idx", write.index)
            json.member("channel", write.channel)
            json.key("value")
            try StoredValue.join(place, write.digests, values, to: &json)
        }
    }
}
