import Concurrency
import Glibc

/// Feeds targets with inputs, each of which follows from seed, target and number alone.
struct FuzzRun: Sendable {
    /// What became of a target's cases.
    struct Outcome: Sendable {
        let target: String
        var cases = 0
        var accepted = 0
        var broken: [String] = []
    }

    let seed: UInt64
    let targets: [FuzzTarget]
    /// The largest input.
    var limit = 16 * 1024
    /// Where the case that is being run stands, for whoever finds the process dead.
    let current = CurrentCase()

    /// Runs all targets for an equal share of the time each, and for some cases however slow they are.
    func run(for duration: Duration, each report: (Outcome) -> Void = { _ in }) -> [Outcome] {
        targets.map { target in
            let end = ContinuousClock.now + duration / max(1, targets.count)
            var outcome = Outcome(target: target.name)
            while ContinuousClock.now < end || outcome.cases < 50, outcome.broken.count < 5 {
                run(outcome.cases, of: target, &outcome)
            }
            report(outcome)
            return outcome
        }
    }

    /// Runs one case, as after a report of it.
    func run(_ number: Int, of target: FuzzTarget, _ outcome: inout Outcome) {
        current.begin(target.name, number)
        defer { current.end() }
        var random = Generator(seed: caseSeed(target, number))
        let input = random.input(from: target.corpus, atMost: limit)
        outcome.cases += 1
        do {
            if try target.check(input, &random) { outcome.accepted += 1 }
        } catch {
            outcome.broken.append("case \(number): \(error)")
        }
    }

    private func caseSeed(_ target: FuzzTarget, _ number: Int) -> UInt64 {
        // FNV-1a: the standard library's hashes differ between processes.
        let name = target.name.utf8.reduce(0xcbf2_9ce4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
        var generator = Generator(seed: seed ^ name &+ UInt64(number))
        return generator.next()
    }
}

/// Which case is being run, and since when.
final class CurrentCase: Sendable {
    struct Case: Sendable {
        let target: String
        let number: Int
        let start: ContinuousClock.Instant
    }

    private let state = Lock<Case?>(nil)
    /// Kept up to date when set, so that it outlives a crash.
    private let file = Lock<Int32>(-1)

    func begin(_ target: String, _ number: Int) {
        state.withLock { $0 = Case(target: target, number: number, start: .now) }
        let file = file.withLock { $0 }
        guard file >= 0 else { return }
        let text = "CASE=\(target):\(number)"
        // As long as any, so that nothing of a longer line stays behind.
        let line = Array((text + String(repeating: " ", count: max(0, 63 - text.utf8.count)) + "\n").utf8)
        // The bytes are read during the call.
        unsafe _ = line.withUnsafeBytes { unsafe pwrite(file, $0.baseAddress, $0.count, 0) }
    }

    func end() { state.withLock { $0 = nil } }

    /// The case that has run for longer than `limit`.
    func stalled(_ limit: Duration) -> Case? { state.withLock { $0.flatMap { .now - $0.start > limit ? $0 : nil } } }

    /// Notes every case in a file from now on.
    func note(in path: String) {
        // The path is read during the call.
        file.withLock { $0 = unsafe open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_TRUNC, 0o600) }
    }

    /// Removes the file: the run has ended well.
    func forget(_ path: String) {
        file.withLock { file in
            if file >= 0 { close(file) }
            file = -1
        }
        // The path is read during the call.
        unsafe _ = unlink(path)
    }
}
