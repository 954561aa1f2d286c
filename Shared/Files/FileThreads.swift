import Concurrency
import Synchronization

/// The threads that do disk work. Each writer and reader stays on one of them.
final class FileThreads: Sendable {
    static let shared = FileThreads(count: 4)

    private let executors: [ThreadExecutor]
    private let turn = Atomic<Int>(0)

    init(count: Int) { executors = (0..<count).map { ThreadExecutor(name: "files-\($0)") } }

    func next() -> ThreadExecutor {
        executors[turn.wrappingAdd(1, ordering: .relaxed).oldValue % executors.count]
    }
}
