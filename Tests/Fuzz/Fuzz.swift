import Concurrency
import Glibc
import Settings

// Fuzz: mutated inputs for every parser of ours that reads what comes from outside.
//
//     SECONDS_OF_FUZZING=60 SEED=7 Fuzz       all targets
//     SEED=7 CASE=json:1234 Fuzz              one case again
//
// It promises: the same seed gives the same inputs; a crash leaves the seed on the terminal and the case in a file; a
// case that does not end within twenty seconds ends the run.

@main
struct Fuzz {
    static func main() async {
        var settings = SettingsReader(environment: Environment.current())
        let seconds = settings.int("SECONDS_OF_FUZZING", "length of the run", default: 60, in: 1...1_000_000)
        let wanted = settings.int("SEED", "seed of the inputs; 0 takes a new one", default: 0, in: 0...Int.max)
        let only = settings.optionalString("CASE", "target:number, to run one case alone")
        guard settings.problems.isEmpty else {
            print(settings.problems.joined(separator: "\n"))
            exit(2)
        }
        let seed = wanted == 0 ? UInt64.random(in: 1...UInt64(UInt32.max)) : UInt64(wanted)
        do {
            let broken = try await withServers { servers in
                let run = FuzzRun(seed: seed, targets: FuzzTarget.all(servers))
                if let only { return repeating(only, run) }
                return fuzz(run, for: .seconds(seconds))
            }
            exit(broken ? 1 : 0)
        } catch {
            print("the servers to fuzz did not start: \(error)")
            exit(1)
        }
    }

    private static func fuzz(_ run: FuzzRun, for duration: Duration) -> Bool {
        let path = "/tmp/martlet-fuzz-\(getpid())"
        run.current.note(in: path)
        show("seed \(run.seed); should this crash, the case is in \(path)")
        let watch = Task.detached { await endWhenStalled(run) }
        defer { watch.cancel() }
        let outcomes = run.run(for: duration) { outcome in
            show("  \(outcome.target): \(outcome.cases) cases, \(outcome.accepted) accepted")
            for broken in outcome.broken { show("    BROKEN \(broken)") }
        }
        run.current.forget(path)
        let broken = outcomes.reduce(0) { $0 + $1.broken.count }
        print("seed \(run.seed): \(outcomes.reduce(0) { $0 + $1.cases }) cases, \(broken) broken")
        return broken > 0
    }

    /// Prints at once, for a crash loses what waits.
    private static func show(_ line: String) {
        print(line)
        // All streams of the C library.
        fflush(nil)
    }

    private static func endWhenStalled(_ run: FuzzRun) async {
        while !Task.isCancelled {
            if let stalled = run.current.stalled(.seconds(20)) {
                show("BROKEN SEED=\(run.seed) CASE=\(stalled.target):\(stalled.number) does not end")
                exit(1)
            }
            do { try await Task.sleep(for: .seconds(1)) } catch { return }
        }
    }

    private static func repeating(_ text: String, _ run: FuzzRun) -> Bool {
        let parts = text.split(separator: ":")
        guard parts.count == 2, let number = Int(parts[1]),
            let target = run.targets.first(where: { $0.name == parts[0] })
        else {
            print("CASE must be target:number; targets are \(run.targets.map(\.name).joined(separator: ", "))")
            return true
        }
        var outcome = FuzzRun.Outcome(target: target.name)
        run.run(number, of: target, &outcome)
        print(outcome.broken.first ?? (outcome.accepted > 0 ? "accepted" : "refused"))
        return !outcome.broken.isEmpty
    }
}
