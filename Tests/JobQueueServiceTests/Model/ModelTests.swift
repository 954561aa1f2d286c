import Testing

@testable import JobQueueService
@testable import TransitionModel

/// Every interleaving of a small queue, explored to its end.
@Suite(.timeLimit(.minutes(2)), .serialized) struct ModelTests {
    static let setups: [QueueModel.Setup] = [
        QueueModel.Setup(name: "one job, every verb", workers: 1, inFlight: 2),
        QueueModel.Setup(
            name: "one job, two workers",
            inFlight: 2,
            verbs: [.start, .complete, .fail, .release],
            expires: false
        ),
        QueueModel.Setup(
            name: "two jobs in the hands of one worker",
            jobs: 2,
            workers: 1,
            maxAttempts: 1,
            verbs: [.start, .complete],
            expires: false
        ),
        QueueModel.Setup(
            name: "a parent and its child",
            jobs: 2,
            workers: 1,
            maxAttempts: 1,
            isFamily: true,
            inFlight: 2,
            verbs: [.start, .complete, .fail],
            expires: false
        ),
        QueueModel.Setup(
            name: "a job and its retry",
            jobs: 2,
            workers: 1,
            maxAttempts: 1,
            verbs: [.start, .complete, .fail],
            expires: false,
            retries: true
        ),
    ]

    @Test(arguments: setups) func `no interleaving breaks a rule, and every job can end`(setup: QueueModel.Setup) {
        let report = ModelExplorer(setup: setup).explore()
        print("model: \(setup.name): \(report.states) states, \(report.steps) steps")
        #expect(report.offence == nil)
        #expect(report.states > 1000)
    }

    @Test(arguments: ModelFlaw.allCases) func `a queue with a flaw is caught`(flaw: ModelFlaw) {
        // The smallest first; the first that shows it will do.
        let offences = ModelTests.setups.reversed().lazy
            .compactMap { ModelExplorer(setup: $0, flaw: flaw).explore().offence }
        let offence = offences.first
        print("flaw: \(flaw): \(offence?.rule ?? "not found"), after \(offence?.way.count ?? 0) steps")
        #expect(offence != nil)
    }

    @Test func `the model speaks of what the service has`() {
        #expect(ModelVerb.allCases.map(\.rawValue) == LeaseVerb.allCases.map(\.rawValue))
        #expect(QueueModel.Setup(name: "").maximumDeaths == LeaseStatements.maximumLeaseDeaths)
    }
}
