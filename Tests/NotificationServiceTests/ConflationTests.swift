import Contracts
import Kernel
import Messaging
import Testing

@testable import NotificationService

/// What is sent in place of what a slow client has missed.
@Suite struct ConflationTests {
    private static let jobs = (0..<4).map { _ in IdentifierSource().next() as JobID }

    private static func update(_ place: Int, _ job: Int?, _ seq: Int, _ status: String, _ type: EventType) throws
        -> Update
    {
        let about = job.map { #""job_id":"\#(jobs[$0])","seq":\#(seq),"status":"\#(status)","# } ?? ""
        let wire = """
            {"event_id":"e\(place)","type":"\(type.rawValue)",\(about)"position":"a.\(place).1","prev_position":"a.\(place - 1).1"}
            """
        return Update(try #require(FeedEvent(wire: Array(wire.utf8))), for: .all)
    }

    /// Random histories of four jobs and something else, as a ring has them.
    private static func history(_ length: Int, _ random: inout SystemRandomNumberGenerator) throws -> [Update] {
        var seqs = [0, 0, 0, 0]
        var ended = [false, false, false, false]
        return try (1...length)
            .map { place in
                let job = Int.random(in: 0..<5, using: &random)
                guard job < 4, !ended[job] else { return try update(place, nil, 0, "", .cardUpdated) }
                if seqs[job] > 0, Bool.random(using: &random) {
                    return try update(place, job, seqs[job], "processing", .jobProgressUpdated)
                }
                seqs[job] += 1
                ended[job] = Int.random(in: 0..<6, using: &random) == 0
                return try update(place, job, seqs[job], ended[job] ? "completed" : "processing", .jobStatusUpdated)
            }
    }

    /// What a client believes, by the rules it is given.
    private struct Client {
        var known: [JobID: (seq: Int, status: String)] = [:]
        var others: [Int] = []
        /// The place of the last update it got.
        var cursor = 0
        var faults: [String] = []

        mutating func take(_ skip: Conflation.Skip) {
            let last = known[skip.job]?.seq ?? 0
            if skip.from > last + 1 { faults.append("a skip from \(skip.from) at \(last)") }
            if skip.to > last { known[skip.job] = (skip.to, "skipped") }
        }

        mutating func take(_ update: Update) {
            cursor = Int(update.position.transaction)
            guard let job = update.event.job else { return others.append(cursor) }
            guard update.event.type == EventType.jobStatusUpdated.rawValue else { return }
            let last = known[job]?.seq ?? 0
            if update.event.seq > last + 1 { faults.append("\(update.event.seq) after \(last)") }
            if update.event.seq > last { known[job] = (update.event.seq, update.event.status?.rawValue ?? "") }
        }
    }

    @Test func `cut anywhere and resumed, it ends with the truth and every jump was told`() throws {
        var random = SystemRandomNumberGenerator()
        var skips = 0
        for _ in 0..<2_000 {
            let history = try ConflationTests.history(Int.random(in: 1...60, using: &random), &random)
            var truth = Client()
            for update in history { truth.take(update) }
            var client = Client()
            // Some as they came, then some conflated payments that break off, then the rest either way.
            for update in history.prefix(Int.random(in: 0...20, using: &random)) { client.take(update) }
            for _ in 0..<Int.random(in: 0...3, using: &random) {
                let payment = Conflation(Array(history.dropFirst(client.cursor)))
                skips += payment.skips.count
                let size = payment.skips.count + payment.updates.count
                let cut = Int.random(in: 0...size, using: &random)
                for skip in payment.skips.prefix(cut) { client.take(skip) }
                for update in payment.updates.prefix(max(0, cut - payment.skips.count)) { client.take(update) }
            }
            let rest = Array(history.dropFirst(client.cursor))
            if Bool.random(using: &random) {
                for update in rest { client.take(update) }
            } else {
                let payment = Conflation(rest)
                for skip in payment.skips { client.take(skip) }
                for update in payment.updates { client.take(update) }
            }
            #expect(client.faults == [])
            #expect(client.known.mapValues(\.seq) == truth.known.mapValues(\.seq))
            #expect(client.known.mapValues(\.status) == truth.known.mapValues(\.status))
            #expect(client.others == truth.others)
        }
        #expect(skips > 1_000)
    }

    @Test func `the newest status, progress after it, and what is no job's stay`() throws {
        let all = try [
            ConflationTests.update(1, 0, 1, "queued", .jobStatusUpdated),
            ConflationTests.update(2, nil, 0, "", .cardUpdated),
            ConflationTests.update(3, 0, 2, "processing", .jobStatusUpdated),
            ConflationTests.update(4, 0, 2, "processing", .jobProgressUpdated),
            ConflationTests.update(5, 0, 3, "queued", .jobStatusUpdated),
            ConflationTests.update(6, 0, 4, "processing", .jobStatusUpdated),
            ConflationTests.update(7, 0, 4, "processing", .jobProgressUpdated),
            ConflationTests.update(8, 0, 4, "processing", .jobProgressUpdated),
            ConflationTests.update(9, 1, 1, "queued", .jobStatusUpdated),
        ]
        let rest = Conflation(all)
        #expect(rest.updates.map(\.position.transaction) == [2, 6, 8, 9])
        #expect(rest.skips == [Conflation.Skip(job: ConflationTests.jobs[0], from: 1, to: 3)])
    }
}
