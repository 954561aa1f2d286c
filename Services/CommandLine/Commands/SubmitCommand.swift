import Contracts
import JSON
import Kernel

/// `martlet submit`: a new job.
struct SubmitCommand: Command {
    static let syntax = CommandSyntax(
        "submit",
        "",
        "Submits a job and prints its id.",
        options: [
            .value("kind", "KIND", "what is to be done; generate by default"),
            .value("card", "ID", "the card it is for"),
            .value("param", "NAME=VALUE", "one of the params; a VALUE that is JSON is taken as such", repeatable: true),
            .value("params", "JSON", "the params as one object"), .value("queue", "QUEUE", "the queue"),
            .value("priority", "N", "higher runs first"), .value("delay", "MS", "not before so many milliseconds"),
            .value("tag", "TAG", "a tag", repeatable: true),
            .value("key", "KEY", "Idempotency-Key: the same one makes no second job"),
            .flag("watch", "show what happens until the job has ended"),
        ]
    )
    let body: [UInt8]
    let card: CardID?
    let key: String?
    let watches: Bool

    init(_ arguments: ParsedArguments) throws {
        card = try arguments.value("card").map { try CardID(argument: $0) }
        key = arguments.value("key")
        watches = arguments.has("watch")
        let params = try SubmitCommand.params(arguments)
        let priority = try arguments.int("priority", in: -1000...1000)
        let delay = try arguments.int("delay", in: 0...31_536_000_000)
        body = JSONWriter.bytes { json in
            json.object { json in
                if let kind = arguments.value("kind") { json.member("kind", kind) }
                json.member("params") { json in
                    json.object { json in for (name, value) in params { json.member(name, value) } }
                }
                if let queue = arguments.value("queue") { json.member("queue", queue) }
                if let priority { json.member("priority", priority) }
                if let delay { json.member("delay_ms", delay) }
                if !arguments.all("tag").isEmpty { json.member("tags", arguments.all("tag")) }
            }
        }
    }

    func run(_ session: Session) async throws -> ExitStatus {
        let (base, path) = card.map { (session.agent, "/api/cards/\($0)/jobs") } ?? (session.jobQueue, "/api/jobs")
        let job = try await session.services.call("POST", base, path, body: body, key: key ?? ServiceClient.newKey())
        guard let id = job["job_id"]?.string else {
            throw CommandFailure(.unreachable, "\(base) does not answer as a Martlet service")
        }
        if !watches || session.writesJSON { session.console.line(session.writesJSON ? job.text : id) }
        guard watches else { return .success }
        return try await JobWatch(session: session, job: id).run()
    }

    /// `--params` with each `--param` laid over it, in the order given.
    static func params(_ arguments: ParsedArguments) throws -> [(name: String, value: RawJSON)] {
        var params: [(name: String, value: RawJSON)] = []
        if let text = arguments.value("params") {
            let root: JSONElement
            do { root = try JSONDocument(parsing: text).root } catch {
                throw UsageError("--params is not JSON: \(error)")
            }
            guard root.kind == .object else { throw UsageError("--params must be a JSON object") }
            params = root.members.map { ($0.name, $0.value.raw) }
        }
        for pair in arguments.all("param") {
            let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard parts.count == 2, !parts[0].isEmpty else { throw UsageError("--param \(pair) is not NAME=VALUE") }
            let name = String(parts[0])
            params.removeAll { $0.name == name }
            params.append((name, value(String(parts[1]))))
        }
        return params
    }

    private static func value(_ text: String) -> RawJSON {
        do {
            return try JSONDocument(parsing: text).root.raw
        } catch {
            // Not JSON, so it is meant as a text.
            return RawJSON(JSONWriter.bytes { $0.value(text) })
        }
    }
}
