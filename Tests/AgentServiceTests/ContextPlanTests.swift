import Kernel
import TestSupport
import Testing

@testable import AgentService

/// The pure rules of contexts, on random inputs.
@Suite(.timeLimit(.minutes(1))) struct ContextPlanTests {
    @Test(arguments: 0..<200)
    func `a plan keeps to its budget, takes what is worth most, and has a reason for the rest`(seed: Int) {
        var random = SeededRandom(UInt64(seed))
        let given = (0..<Int.random(in: 0...60, using: &random))
            .map { index in
                ContextPart(
                    kind: ContextPart.Kind.allCases.randomElement(using: &random) ?? .card,
                    id: "\(index)",
                    at: Bool.random(using: &random)
                        ? nil : Timestamp(microseconds: Int64.random(in: 0...5, using: &random)),
                    tokens: Int.random(in: 1...50, using: &random),
                    score: Int.random(in: 0...5, using: &random),
                    omission: Int.random(in: 0...9, using: &random) == 0 ? .quarantined : nil
                )
            }
        let budget = Int.random(in: -10...1000, using: &random)
        let plan = ContextPlan(given, budget: budget)

        #expect(plan.parts.map(\.id) == given.map(\.id))
        let told = plan.parts.filter { $0.omission == nil }
        #expect(plan.tokens == told.reduce(0) { $0 + $1.tokens })
        #expect(plan.tokens <= max(budget, 0))
        for (part, before) in zip(plan.parts, given) {
            if before.omission != nil { #expect(part.omission == before.omission) }
            guard part.omission == .overBudget else { continue }
            // Nothing that is worth less made the difference: it would not have fitted beside what is worth more.
            let above = told.filter {
                $0.score > part.score || $0.score == part.score && ($0.at ?? .start) >= (part.at ?? .start)
            }
            #expect(above.reduce(part.tokens) { $0 + $1.tokens } > budget)
        }
    }

    @Test(arguments: 0..<400)
    func `a transcript keeps its newest messages without a gap, and a call with its results`(seed: Int) throws {
        var random = SeededRandom(UInt64(seed))
        let messages = ContextPlanTests.transcript(&random)
        let budget = Int.random(in: 0...400, using: &random)
        let pinned = messages.indices.filter { messages[$0].isPinned }
        let fit: TranscriptFit
        do {
            fit = try TranscriptFit.fit(messages, budget: budget)
        } catch {
            #expect(error.tokens > budget)
            #expect(error.tokens <= messages.reduce(0) { $0 + $1.tokens })
            return
        }
        #expect(fit.tokens <= budget)
        #expect(fit.tokens == fit.sent.reduce(0) { $0 + messages[$1].tokens })
        #expect(fit.parts.map(\.id) == messages.map(\.id))
        #expect(fit.sent == fit.parts.indices.filter { fit.parts[$0].omission == nil })
        #expect(messages.isEmpty || fit.sent.last == messages.count - 1)
        let sent = Set(fit.sent)
        #expect(sent.isSuperset(of: pinned))
        // No gap: what is left out and not pinned is older than all that is sent and not pinned.
        let oldest = fit.sent.first { !messages[$0].isPinned } ?? messages.count
        #expect(messages.indices.allSatisfy { sent.contains($0) || $0 < oldest })
        for call in Set(messages.flatMap(\.calls)) {
            let places = messages.indices.filter { messages[$0].calls.contains(call) }
            #expect(Set(places.map(sent.contains)).count == 1, "the call \(call) is separated from its result")
        }
    }

    @Test func `what must be sent and does not fit is an error that says by how much`() throws {
        let call = TranscriptFit.Message(id: "call", tokens: 40, calls: ["a"])
        let result = TranscriptFit.Message(id: "result", tokens: 70, calls: ["a"])
        let task = TranscriptFit.Message(id: "task", tokens: 10, isPinned: true)
        #expect(throws: TranscriptFit.Overflow(tokens: 120, budget: 119)) {
            try TranscriptFit.fit([task, call, result], budget: 119)
        }
        #expect(try TranscriptFit.fit([task, call, result], budget: 120).sent == [0, 1, 2])
        let old = TranscriptFit.Message(id: "old", tokens: 5)
        #expect(try TranscriptFit.fit([task, old, call, result], budget: 124).sent == [0, 2, 3])
        #expect(try TranscriptFit.fit([], budget: 0).sent == [])
    }

    /// Users speak, models call tools, results come in any order; the first message is pinned at times.
    private static func transcript(_ random: inout SeededRandom) -> [TranscriptFit.Message] {
        var messages: [TranscriptFit.Message] = []
        var waiting: [String] = []
        for index in 0..<Int.random(in: 0...25, using: &random) {
            var calls: [String] = []
            switch Int.random(in: 0...3, using: &random) {
            case 0 where !waiting.isEmpty: calls = [waiting.remove(at: Int.random(in: waiting.indices, using: &random))]
            case 1:
                calls = (0..<Int.random(in: 1...3, using: &random)).map { "\(index).\($0)" }
                waiting += calls
            default: break
            }
            messages.append(
                TranscriptFit.Message(
                    id: "\(index)",
                    tokens: Int.random(in: 1...40, using: &random),
                    calls: calls,
                    isPinned: calls.isEmpty && index == 0 && Bool.random(using: &random)
                )
            )
        }
        return messages
    }
}

extension Timestamp {
    fileprivate static let start = Timestamp(microseconds: 0)
}
