import Contracts
import JSON
import Kernel

/// `martlet schedules`: jobs that are submitted again and again.
struct SchedulesCommand: Command {
    static let syntax = CommandSyntax(
        "schedules",
        "list|add|pause ID|resume ID|fire ID|rm ID",
        "Lists, adds, pauses, resumes, fires and removes schedules, which submit a job again and again.",
        operands: 1...2,
        options: [
            .value("cron", "FIELDS", "when: minute, hour, day of month, month, day of week, as in '0 9 * * mon-fri'"),
            .value("timezone", "ZONE", "whose clocks cron means, as in Europe/Berlin; UTC by default"),
            .value("every", "MS", "when: every so many milliseconds"), .value("name", "NAME", "what it is called"),
            .value("missed", "POLICY", "runs missed while the service was down: skip, run_once or run_all"),
            .flag("paused", "do not begin before it is resumed"),
        ] + JobArguments.options
    )

    private enum Action {
        case list
        case add([UInt8])
        case remove(ScheduleID)
        /// `pause`, `resume`, `fire`.
        case verb(String, ScheduleID)
    }

    private let action: Action

    init(_ arguments: ParsedArguments) throws {
        let words = arguments.operands
        switch (words[0], words.count) {
        case ("list", 1): action = .list
        case ("add", 1): action = .add(try SchedulesCommand.body(arguments))
        case ("rm", 2): action = .remove(try ScheduleID(argument: words[1]))
        case ("pause", 2), ("resume", 2), ("fire", 2): action = .verb(words[0], try ScheduleID(argument: words[1]))
        default: throw UsageError("schedules \(words.joined(separator: " ")) is not \(SchedulesCommand.syntax.usage)")
        }
    }

    private static func body(_ arguments: ParsedArguments) throws -> [UInt8] {
        let job = try JobArguments(arguments)
        let every = try arguments.int("every", in: 1000...31_536_000_000)
        guard (arguments.value("cron") == nil) != (every == nil) else {
            throw UsageError("either --cron or --every is needed")
        }
        return JSONWriter.bytes { json in
            json.object { json in
                for name in ["name", "cron", "timezone", "missed"] {
                    if let value = arguments.value(name) { json.member(name, value) }
                }
                if let every { json.member("every_ms", every) }
                if arguments.has("paused") { json.member("paused", true) }
                json.member("job") { json in
                    json.object { json in
                        job.writeMembers(to: &json)
                        if let card = job.card { json.member("card_id", card) }
                    }
                }
            }
        }
    }

    func run(_ session: Session) async throws -> ExitStatus {
        let path = "/api/schedules"
        switch action {
        case .list: try await list(session)
        case .add(let body):
            let schedule = try await session.call("POST", path, body: body, key: ServiceClient.newKey())
            session.console.line(session.writesJSON ? schedule.text : schedule["schedule_id"]?.string ?? "")
            tellNext(schedule, session)
        case .remove(let id):
            _ = try await session.call("DELETE", "\(path)/\(id)")
            session.console.remark("removed")
        case .verb("fire", let id):
            let job = try await session.call("POST", "\(path)/\(id)/fire", key: ServiceClient.newKey())
            session.console.line(session.writesJSON ? job.text : job["job_id"]?.string ?? "")
        case .verb(let verb, let id):
            let schedule = try await session.call("POST", "\(path)/\(id)/\(verb)")
            if session.writesJSON { session.console.line(schedule.text) }
            tellNext(schedule, session)
        }
        return .success
    }

    private func list(_ session: Session) async throws {
        var cursor: String?
        repeat {
            let query = "?limit=200" + (cursor.map { "&cursor=\(PercentEncoding.encode($0))" } ?? "")
            let page = try await session.call("GET", "/api/schedules\(query)")
            for schedule in page["items"]?.elements.map({ $0 }) ?? [] {
                session.console.line(session.writesJSON ? schedule.text : SchedulesCommand.line(schedule))
            }
            cursor = page["next_cursor"]?.string
        } while cursor != nil
    }

    private func tellNext(_ schedule: JSONElement, _ session: Session) {
        guard !session.writesJSON else { return }
        session.console.remark(schedule["next_at"]?.string.map { "next at \($0)" } ?? "paused")
    }

    private static func line(_ schedule: JSONElement) -> String {
        let rule =
            schedule["cron"]?.string.map { "\($0)  \(schedule["timezone"]?.string ?? "")" }
            ?? "every \(schedule["every_ms"]?.int ?? 0) ms"
        let parts = [
            schedule["schedule_id"]?.string ?? "", (schedule["next_at"]?.string ?? "paused").padded(to: 24), rule,
            schedule["job"]?["kind"]?.string ?? "generate", schedule["name"]?.string,
            schedule["last_error"]?.string.map { "error: \($0)" },
        ]
        return parts.compactMap { $0 }.map(ProgressBar.printable).joined(separator: "  ")
    }
}

extension Session {
    /// Calls the job queue.
    fileprivate func call(
        _ method: String,
        _ path: String,
        body: [UInt8]? = nil,
        key: String? = nil
    ) async throws -> JSONElement {
        try await services.call(method, jobQueue, path, body: body, key: key)
    }
}
