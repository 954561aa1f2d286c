import Contracts

/// Which jobs a worker can be given. Workers that do the same work have equal ones.
struct WorkerFilter: Hashable, Sendable {
    let kinds: Set<String>
    let queues: Set<String>?
    let project: ProjectID?

    init(_ worker: Worker) {
        kinds = Set(worker.kinds)
        queues = worker.queues.map(Set.init)
        project = worker.project
    }
}
