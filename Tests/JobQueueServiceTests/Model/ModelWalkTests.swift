import Contracts
import Kernel
import TestSupport
import Testing

@testable import JobQueueService
@testable import TransitionModel

/// The service does what the model says: random walks through the model, each step made in the service too, and all
/// tables compared after it. `MARTLET_WALK_SEED=…` repeats a run.
@Suite(.timeLimit(.minutes(3))) struct ModelWalkTests {
    static let setups: [QueueModel.Setup] = [
        QueueModel.Setup(name: "one job"),
        QueueModel.Setup(name: "a family", jobs: 2, maxAttempts: 1, isFamily: true),
        QueueModel.Setup(name: "retries", jobs: 2, maxAttempts: 3, retries: true),
    ]
    static let walksPerLane = 80
    static let steps = 30

    /// A walk as far as it went.
    struct Divergence: Error, CustomStringConvertible {
        let seed: UInt64
        let setup: String
        var way: [String]
        let reason: String
        var description: String {
            "\(reason)\nMARTLET_WALK_SEED=\(seed), \(setup):\n  " + way.joined(separator: "\n  ")
        }
    }

    @Test func `the service takes every step as the model does`() async throws {
        let first = TestProcess.environment["MARTLET_WALK_SEED"].flatMap { UInt64($0) } ?? .random(in: 0 ... .max / 2)
        let isRepeated = TestProcess.environment["MARTLET_WALK_SEED"] != nil
        try await withThrowingTaskGroup(of: Int.self) { group in
            for lane in 0..<(isRepeated ? 1 : 4) {
                group.addTask {
                    let steps = Steps()
                    try await JobQueueFixture.run(duties: false) { fixture in
                        for walk in 0..<(isRepeated ? 1 : ModelWalkTests.walksPerLane) {
                            let seed = first &+ UInt64(lane * ModelWalkTests.walksPerLane + walk)
                            await steps.add(try await ModelWalkTests.walk(fixture, seed: seed))
                        }
                    }
                    return await steps.count
                }
            }
            let steps = try await group.reduce(0, +)
            print("walks: \(steps) steps from seed \(first), each as the model says")
            #expect(steps > (isRepeated ? 1 : 4000))
        }
    }

    private actor Steps {
        var count = 0
        func add(_ more: Int) { count += more }
    }

    /// Walks from one seed; returns the number of steps.
    private static func walk(_ fixture: JobQueueFixture, seed: UInt64) async throws -> Int {
        var random = SeededRandom(seed)
        let setup = setups[Int(random.next() % UInt64(setups.count))]
        var model = QueueModel(setup)
        var service = ModelledService(fixture, setup)
        var way: [String] = []
        func diverged(_ reason: String) -> Divergence {
            Divergence(seed: seed, setup: setup.name, way: way, reason: reason)
        }
        for _ in 0..<steps {
            let choices = model.choices(setup, stepwise: false)
            guard !choices.isEmpty else { break }
            let weights = choices.map { $0.weight(in: model) }
            var left = Int(random.next() % UInt64(weights.reduce(0, +)))
            let place = weights.firstIndex { weight in
                left -= weight
                return left < 0
            }
            let action = choices[place ?? 0]
            way.append(action.description)
            let expected = model.take(action)
            let answer: VerbOutcome?
            do {
                answer = try await service.perform(action)
            } catch {
                throw diverged("the service could not: \(error)")
            }
            guard answer?.rawValue == expected?.rawValue else {
                throw diverged("the service answers \(answer?.rawValue ?? "-"), the model \(expected?.rawValue ?? "-")")
            }
            for index in model.jobs.indices {
                let job = try await service.job(index)
                guard job == model.jobs[index] else {
                    throw diverged(
                        "job \(index) of the service: \(job.debugText)\nof the model: \(model.jobs[index].debugText)"
                    )
                }
            }
        }
        return way.count
    }
}

extension QueueModel {
    /// Takes an action as the service does: whoever looks at notes looks at all of them.
    fileprivate mutating func take(_ action: ModelAction) -> ModelOutcome? {
        switch action {
        case .expand, .resolve:
            while let note = notes.first { self = after(note.hasEnded ? .expand(note.job) : .resolve(note.job)).state }
            return nil
        default:
            let step = after(action)
            self = step.state
            return step.outcome
        }
    }
}

extension ModelAction {
    /// How often it is chosen beside others: what leads on is, what ends a walk or leads nowhere is not.
    fileprivate func weight(in model: QueueModel) -> Int {
        switch self {
        case .verb(_, let key, let verb, _):
            if key.fence != model.jobs[key.job]?.fence { 1 } else if verb == .start { 20 } else { 4 }
        case .claim: 20
        case .submit, .retry, .promote, .rescue, .resume, .endTimedOut: 8
        case .open, .expand, .resolve: 4
        case .forget: 2
        case .silence, .close, .end: 1
        case .look, .act, .abort: 0
        }
    }
}

extension QueueModel.Job? {
    fileprivate var debugText: String { map { "\($0)" } ?? "none" }
}
