import HTTPClient
import JSON
import Kernel

/// `martlet queues`: what bounds the jobs of a queue, and pausing it.
struct QueuesCommand: Command {
    static let syntax = CommandSyntax(
        "queues",
        "list|pause NAME|resume NAME|set NAME",
        "Lists queues, pauses and resumes them, and sets their limits. `set` lifts the limits that it does not name.",
        operands: 1...2,
        options: [
            .value("concurrency", "N", "jobs that run at once"),
            .value("per-key", "N", "jobs of the same concurrency key that run at once; 1 by default"),
            .value("rate", "COUNT/MS", "how many jobs start in how many milliseconds, as in 100/60000"),
            .value("per-key-rate", "COUNT/MS", "the same for each concurrency key"),
            .value("weight", "W", "how often its turn comes, beside other limited queues"),
            .flag("fair", "projects share the workers' time"),
            .value("share", "PROJECT=W", "a project's share of it; 1 by default", repeatable: true),
        ]
    )

    private enum Action {
        case list
        case set(String, [UInt8])
        /// `pause`, `resume`.
        case verb(String, String)
    }

    private let action: Action

    init(_ arguments: ParsedArguments) throws {
        let words = arguments.operands
        switch (words[0], words.count) {
        case ("list", 1): action = .list
        case ("set", 2): action = .set(words[1], try QueuesCommand.limits(arguments))
        case ("pause", 2), ("resume", 2): action = .verb(words[0], words[1])
        default: throw UsageError("queues \(words.joined(separator: " ")) is not \(QueuesCommand.syntax.usage)")
        }
    }

    private static func limits(_ arguments: ParsedArguments) throws -> [UInt8] {
        let bounds = 1...1_000_000
        let numbers = [
            ("concurrency", try arguments.int("concurrency", in: bounds)),
            ("per_key_concurrency", try arguments.int("per-key", in: bounds)),
        ]
        let rates = [
            ("rate", try rate("rate", arguments)), ("per_key_rate", try rate("per-key-rate", arguments)),
        ]
        let weight = try arguments.value("weight").map { try positive($0, "--weight") }
        let shares = try arguments.all("share").map(share)
        return JSONWriter.bytes { json in
            json.object { json in
                for case (let name, let number?) in numbers { json.member(name, number) }
                for case (let name, let rate?) in rates {
                    json.member(name) { json in
                        json.object {
                            $0.member("count", rate.count)
                            $0.member("per_ms", rate.milliseconds)
                        }
                    }
                }
                if let weight { json.member("weight", weight) }
                if arguments.has("fair") || !shares.isEmpty { json.member("fair_share", true) }
                if !shares.isEmpty {
                    json.member("project_weights") { json in
                        json.object { json in for (project, weight) in shares { json.member(project, weight) } }
                    }
                }
            }
        }
    }

    private static func rate(
        _ option: String,
        _ arguments: ParsedArguments
    ) throws(UsageError) -> (count: Int, milliseconds: Int)? {
        guard let text = arguments.value(option) else { return nil }
        let parts = text.split(separator: "/", omittingEmptySubsequences: false).map { Int($0) }
        guard parts.count == 2, let count = parts[0], let milliseconds = parts[1], count > 0, milliseconds > 0 else {
            throw UsageError("--\(option) \(text) is not COUNT/MS")
        }
        return (count, milliseconds)
    }

    private static func share(_ text: String) throws -> (project: String, weight: Double) {
        let parts = text.split(separator: "=", maxSplits: 1).map(String.init)
        guard parts.count == 2 else { throw UsageError("--share \(text) is not PROJECT=W") }
        return (parts[0], try positive(parts[1], "--share"))
    }

    private static func positive(_ text: String, _ option: String) throws(UsageError) -> Double {
        guard let number = Double(text), number > 0, number.isFinite else {
            throw UsageError("\(option) \(text) is not a number above zero")
        }
        return number
    }

    func run(_ session: Session) async throws -> ExitStatus {
        switch action {
        case .list:
            let list = try await session.services.call("GET", session.jobQueue, "/api/queues")
            for queue in list["items"]?.elements.map({ $0 }) ?? [] { show(queue, session) }
        case .set(let name, let limits):
            let path = "/api/queues/\(PercentEncoding.encode(name))"
            show(try await session.services.call("PUT", session.jobQueue, path, body: limits), session)
        case .verb(let verb, let name):
            let path = "/api/queues/\(PercentEncoding.encode(name))/\(verb)"
            show(try await session.services.call("POST", session.jobQueue, path), session)
        }
        return .success
    }

    private func show(_ queue: JSONElement, _ session: Session) {
        session.console.line(session.writesJSON ? queue.text : QueuesCommand.line(queue))
    }

    private static func line(_ queue: JSONElement) -> String {
        func number(_ name: String, _ words: String) -> String? { queue.value(name)?.int.map { "\($0) \(words)" } }
        func rate(_ name: String, _ words: String) -> String? {
            guard let count = queue.value(name)?["count"]?.int, let per = queue.value(name)?["per_ms"]?.int else {
                return nil
            }
            return "\(count) in \(per) ms\(words)"
        }
        let parts = [
            (queue["name"]?.string ?? "").padded(to: 20),
            queue["paused"]?.bool == true ? "paused" : "runs  ",
            "\(queue["waiting"]?.int ?? 0) waiting", "\(queue["leased"]?.int ?? 0) leased",
            number("concurrency", "at once"), number("per_key_concurrency", "per key"), rate("rate", ""),
            rate("per_key_rate", " per key"), queue["fair_share"]?.bool == true ? "shared fairly" : nil,
        ]
        return parts.compactMap { $0 }.map(ProgressBar.printable).joined(separator: "  ")
    }
}
