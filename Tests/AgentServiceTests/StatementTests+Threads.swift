import Contracts
import JSON
import Kernel
import Postgres
import TestSupport

@testable import AgentService

extension StatementTests {
    /// The statements of threads.
    static func threadStatements(_ project: ProjectID) throws -> [StatementCatalogue.Entry] {
        let ids = IdentifierSource()
        let thread: ThreadID = ids.next()
        let key = CheckpointKey(thread: thread, namespace: "", id: ids.next())
        let change = TextChange("a", in: try JSONDocument(parsing: #"{"a":"b"}"#).root)
        let draft = ThreadDraft(id: thread, project: project, key: "k", title: nil, metadata: .emptyObject)
        var filter = CheckpointFilter(thread: thread)
        (filter.namespace, filter.id, filter.before) = ("", key.id, key.id)
        (filter.cursor, filter.metadata) = ((key.id, ""), .emptyObject)
        let plan = ThreadPlan(threads: [:], known: [:])
        let both = ThreadFilter(limit: project, project: project, key: "k")
        return [
            ("thread lock", ThreadStatements.lock([thread])),
            ("thread find", ThreadStatements.find(thread, limit: project)),
            ("thread find by key", ThreadStatements.find(key: "k", in: project)),
            ("thread list", ThreadStatements.list(both, before: thread.uuid, limit: 1)),
            ("thread insert", ThreadStatements.insert(draft, id: thread, trace: nil)),
            ("thread update", ThreadStatements.update(thread, title: change, metadata: nil, trace: nil)),
            ("thread lease", ThreadStatements.lease(thread, to: "me", fence: 1, for: .seconds(1))),
            ("thread release", ThreadStatements.release(thread)),
            ("thread delete", ThreadStatements.delete([thread], trace: nil)),
            ("thread lock of project", ThreadStatements.lock(ofProject: project)),
            ("thread note", ThreadStatements.note("pruned", [thread], trace: nil)),
            ("checkpoints known", CheckpointStatements.known([key])),
            ("checkpoints store", CheckpointStatements.store(plan)),
            ("checkpoints store if", CheckpointStatements.store(plan, ifStill: [:], fences: [:])),
            ("checkpoints list", CheckpointStatements.list(filter, limit: 1)),
            ("checkpoint writes", CheckpointStatements.writes(thread, of: [key.id])),
            ("value sizes", CheckpointStatements.sizes(thread, of: [ids.uuid()])),
            ("values", CheckpointStatements.values(thread, of: [ids.uuid()], atMost: 1)),
            ("needs ancestors", PruneStatements.needsAncestors(thread)),
            ("keep newest", PruneStatements.keepNewest(1, of: thread)),
            ("delete of runs", PruneStatements.delete(ofRuns: ["r"], in: [thread])),
            ("tool list", ToolStatements.list(tool: "t", outcome: "o", before: thread.uuid, limit: 1)),
            ("tool record", ToolStatements.record([])),
            ("tool forget", ToolStatements.forget(olderThan: .seconds(1), atMost: 1)),
            ("tool use", ToolStatements.use(within: .seconds(1), atMost: 1)),
            ("threads of runs", PruneStatements.threads(ofRuns: ["r"], limit: project)),
        ] + PruneStatements.tidy([thread]).map { ("tidy", $0) }
            + PruneStatements.copyAll(thread, to: thread).map { ("copy all", $0) }
            + PruneStatements.copy(thread, upTo: key, to: thread).map { ("copy", $0) }
    }
}
