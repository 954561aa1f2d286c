import Foundation
import Testing

@testable import Fuzz

/// A short run of what `make fuzz` does for longer, with inputs that are always the same. `FUZZ_SECONDS` makes it as long
/// as that, with inputs of its own.
@Suite(.timeLimit(.minutes(5))) struct FuzzTests {
    @Test func `no input breaks a parser or a server`() async throws {
        let seconds = ProcessInfo.processInfo.environment["FUZZ_SECONDS"].flatMap { Int($0) }
        let seed = seconds == nil ? 1 : UInt64.random(in: 1...UInt64(UInt32.max))
        let outcomes = try await withServers { servers in
            FuzzRun(seed: seed, targets: FuzzTarget.all(servers)).run(for: .seconds(seconds ?? 5))
        }
        for outcome in outcomes {
            let repetition = "SEED=\(seed) CASE=\(outcome.target):<case>"
            #expect(outcome.broken == [], "\(outcome.target): repeat it with \(repetition)")
            // Inputs that nobody accepts would test refusals only, and inputs that nobody refuses nothing.
            #expect(outcome.accepted > 0 && outcome.accepted < outcome.cases, "\(outcome)")
        }
    }

    @Test func `the same seed gives the same inputs, another seed others`() {
        func inputs(_ seed: UInt64) -> [[UInt8]] {
            var generator = Generator(seed: seed)
            return (0..<50).map { _ in generator.input(from: [Array("a corpus of 1".utf8)], atMost: 1000) }
        }
        #expect(inputs(7) == inputs(7))
        #expect(inputs(7) != inputs(8))
        #expect(inputs(7).allSatisfy { $0.count <= 1000 })
    }

    @Test func `a broken promise is reported with its case, which can be repeated`() throws {
        let target = FuzzTarget(text: "even", ["x"]) { text, _ in
            guard text.utf8.count.isMultiple(of: 2) else { throw FuzzTarget.Broken("odd") }
            return true
        }
        let run = FuzzRun(seed: 3, targets: [target])
        let broken = try #require(run.run(for: .milliseconds(50)).first?.broken)
        #expect(broken.count == 5)
        let number = try #require(broken.first?.dropFirst("case ".count).prefix { $0 != ":" }).description
        var again = FuzzRun.Outcome(target: "even")
        run.run(try #require(Int(number)), of: target, &again)
        #expect(again.broken == [broken[0]])
    }
}
