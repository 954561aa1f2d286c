import Contracts
import TestSupport
import Testing

/// The judge of real runs is judged itself: it lets a right history pass, and sees each wrong one.
@Suite struct JobHistoryTests {
    /// Two jobs: one that was interrupted, tried again and completed, and one that runs.
    static let right: JobHistory = {
        var history = JobHistory()
        history.jobs = [
            .init("a", .completed, seq: 5, fence: 4), .init("b", .processing, seq: 2, fence: 1),
            .init("c", .queued, seq: 1, fence: 0, ready: true),
            .init("d", .scheduled, seq: 1, fence: 0, scheduled: true),
        ]
        let statuses: [(String, [JobStatus])] = [
            ("a", [.queued, .processing, .queued, .processing, .completed]), ("b", [.queued, .processing]),
            ("c", [.queued]), ("d", [.scheduled]),
        ]
        for (job, statuses) in statuses {
            history.events += statuses.enumerated().map { .init(job, $0 + 1, $1) }
        }
        history.leases = [.init("b", fence: 1, worker: "w")]
        history.capacities = ["w": 1]
        history.grants = [
            .init("a", fence: 1, jobFence: 1, .queued), .init("a", fence: 3, jobFence: 3, .queued),
            .init("b", fence: 1, jobFence: 1, .queued),
        ]
        func change(_ job: String, _ places: [(JobStatus, Int, Int64)]) {
            for (old, new) in zip(places, places.dropFirst()) {
                history.changes.append(
                    .init(job, from: .init(old.0, seq: old.1, fence: old.2), to: .init(new.0, seq: new.1, fence: new.2))
                )
            }
        }
        change(
            "a",
            [
                (.queued, 1, 0), (.queued, 1, 1), (.processing, 2, 1), (.queued, 3, 2), (.queued, 3, 3),
                (.processing, 4, 3), (.completed, 5, 4),
            ]
        )
        change("b", [(.queued, 1, 0), (.queued, 1, 1), (.processing, 2, 1)])
        history.acknowledged = ["a", "b"]
        history.completed = ["a"]
        return history
    }()

    @Test func `a right history has no offence`() { #expect(JobHistoryTests.right.offences == []) }

    struct Flaw: Sendable, CustomTestStringConvertible {
        let rule: String
        let make: @Sendable (inout JobHistory) -> Void
        var testDescription: String { rule }
    }

    static let flaws: [Flaw] = [
        Flaw(rule: "an acknowledged job is gone") { $0.acknowledged.insert("z") },
        Flaw(rule: "an acknowledged completion is gone") { $0.completed.insert("b") },
        Flaw(rule: "numbers have gaps or repeats") { $0.events.removeAll { $0.job == "a" && $0.seq == 3 } },
        Flaw(rule: "numbers have gaps or repeats") { $0.events.append(.init("b", 2, .processing)) },
        Flaw(rule: "the last event is not what the row says") { $0.jobs[1].status = .queued },
        Flaw(rule: "a job ended more than once") { $0.events[3].status = .failed },
        Flaw(rule: "a change of status that is not allowed") { $0.events[1].status = .blocked },
        Flaw(rule: "events of a job that is gone") { $0.jobs.removeLast() },
        Flaw(rule: "a job has several live leases") { $0.leases.append(.init("b", fence: 1, worker: "v")) },
        Flaw(rule: "a job is processing and nobody has it") { $0.leases = [] },
        Flaw(rule: "a queued job is not in exactly one of line and lease") { $0.jobs[2].isReady = false },
        Flaw(rule: "a queued job is not in exactly one of line and lease") {
            $0.leases.append(.init("c", fence: 0, worker: "w"))
        },
        Flaw(rule: "a scheduled job waits for no time") { $0.jobs[3].isScheduled = false },
        Flaw(rule: "a job is leased that cannot run") { $0.leases.append(.init("a", fence: 4, worker: "w")) },
        Flaw(rule: "a lease is ahead of its job") { $0.leases[0].fence = 2 },
        Flaw(rule: "a lease has no worker") { $0.capacities = [:] },
        Flaw(rule: "a worker has more than its capacity") { $0.leases.append(.init("a", fence: 3, worker: "w")) },
        Flaw(rule: "a lease of a job that is gone") { $0.leases.append(.init("z", fence: 3, worker: "w")) },
        Flaw(rule: "a lease was given that is not its job's") { $0.grants[1].jobFence = 4 },
        Flaw(rule: "a lease was given that is not its job's") { $0.grants[0].status = .cancelled },
        Flaw(rule: "a fence was given twice") { $0.grants.append($0.grants[0]) },
        Flaw(rule: "a change was not written down") { $0.changes.remove(at: 2) },
        Flaw(rule: "a fence went back") { $0.changes[3].after.fence = 0 },
        Flaw(rule: "a final status changed") { history in
            let end = history.changes[5].after
            history.changes.insert(.init("a", from: end, to: .init(.failed, seq: 6, fence: 5)), at: 6)
        },
        Flaw(rule: "a number was left out or used again") { $0.changes[1].after.seq = 4 },
        Flaw(rule: "a change of status without a number") { $0.changes[1].after.seq = 1 },
        Flaw(rule: "a lease ended and its fence stayed") { $0.changes[5].after.fence = 3 },
        Flaw(rule: "a job was changed without a lease") { $0.grants.removeLast() },
    ]

    @Test(arguments: flaws) func `a wrong history is seen`(flaw: Flaw) {
        var history = JobHistoryTests.right
        flaw.make(&history)
        #expect(history.offences.contains { $0.hasPrefix(flaw.rule) }, "\(history.offences)")
    }
}
