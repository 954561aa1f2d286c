import Concurrency
import Contracts
import JSON
import Kernel

/// `martlet demo`: a project, a card and two jobs, from the submission to the files.
struct DemoCommand: Command {
    static let syntax = CommandSyntax(
        "demo",
        "",
        "Shows a job's whole way: makes a project with a card, submits jobs, shows live what happens.",
        options: [
            .value("save", "FOLDER", "store the results there"),
            .value("timeout", "SECONDS", "how long it may take, 120 by default"),
        ]
    )
    static let jobs = [
        (kind: "speech", text: "Martlet has spoken: every update of this job was seen live."),
        (kind: "image", text: "Martlet"),
    ]
    let folder: String?
    let limit: Duration

    init(_ arguments: ParsedArguments) throws {
        folder = arguments.value("save")
        limit = .seconds(try arguments.int("timeout", in: 1...3600) ?? 120)
    }

    func run(_ session: Session) async throws -> ExitStatus {
        let kinds = try await available(session)
        let wanted = DemoCommand.jobs.filter { job in
            if kinds.contains(job.kind) { return true }
            say("\(job.kind) is not available here and is left out; martlet doctor tells why", session)
            return false
        }
        guard !wanted.isEmpty else { throw CommandFailure(.failure, "no kind of the demonstration is available") }
        let (project, card) = try await prepare(session)
        let outcome: DemoOutcome
        do {
            outcome = try await withDeadline(limit, for: "the demonstration") {
                try await follow(card, wanted, session)
            }
        } catch is DeadlineExceeded {
            throw CommandFailure(.failure, "not all jobs had ended after \(limit.milliseconds / 1000) s")
        }
        let completed = outcome.ended.filter { $0.value.status == .completed }.count
        let assets = try await waitForAssets(completed, in: project, session)
        let downloads = ResultDownload(session: session, folder: folder)
        for asset in assets { try await downloads.take(asset, kind: outcome.kind(of: asset)) }
        guard completed == wanted.count, assets.count == completed else {
            say("\(completed) of \(wanted.count) jobs completed, \(assets.count) assets appeared", session)
            return .failure
        }
        say("all \(completed) jobs completed, and their files are assets of the project", session)
        return .success
    }

    private func available(_ session: Session) async throws -> Set<String> {
        let answer = try await session.services.call("GET", session.jobQueue, "/api/kinds")
        let kinds = answer["items"]?.elements.filter { $0["available"]?.bool == true } ?? []
        return Set(kinds.compactMap { $0["kind"]?.string })
    }

    /// Makes the project with one card.
    private func prepare(_ session: Session) async throws -> (project: ProjectID, card: CardID) {
        let project = try await post("/api/projects", #"{"title":"Demonstration"}"#, session)
        guard let id = project["project_id"]?.string.flatMap({ ProjectID($0) }) else { throw DemoCommand.unknownAnswer }
        let body = #"{"title":"First steps","task_type":"audio","cards":[{"title":"Say hello and show a picture"}]}"#
        let activity = try await post("/api/projects/\(id)/activities", body, session)
        let cards = activity["cards"]?.elements.compactMap { $0["card_id"]?.string.flatMap { CardID($0) } }
        guard let card = cards?.first else { throw DemoCommand.unknownAnswer }
        say("project \(id), card \(card)", session)
        return (id, card)
    }

    /// Submits the jobs once the stream stands, and shows what happens until all have ended.
    private func follow(_ card: CardID, _ wanted: [(kind: String, text: String)], _ session: Session) async throws
        -> DemoOutcome
    {
        var outcome = DemoOutcome()
        let live = LiveUpdates(services: session.services, context: card.description)
        try await live.follow { news in
            switch news {
            case .connected:
                // A second connection, after a lost one, finds the jobs submitted.
                guard outcome.submitted.isEmpty else { return true }
                for job in wanted {
                    let body = JSONWriter.bytes { json in
                        json.object { json in
                            json.member("kind", job.kind)
                            json.member("params") { json in json.object { $0.member("text", job.text) } }
                        }
                    }
                    let answer = try await post(
                        "/api/cards/\(card)/jobs",
                        String(decoding: body, as: UTF8.self),
                        session
                    )
                    guard let id = answer["job_id"]?.string else { throw DemoCommand.unknownAnswer }
                    outcome.submitted[id] = job.kind
                }
            case .job(let update):
                guard outcome.take(update) else { return true }
                session.console.line(session.writesJSON ? update.text : update.line)
            case .other: break
            }
            return !outcome.isComplete
        }
        return outcome
    }

    /// The project's assets, once there are so many: a callback makes them, a moment after the job's end.
    private func waitForAssets(_ count: Int, in project: ProjectID, _ session: Session) async throws -> [JSONElement] {
        let deadline = ContinuousClock.now + .seconds(20)
        while true {
            let answer = try await session.services.call("GET", session.agent, "/api/projects/\(project)/assets")
            let assets = answer["items"]?.elements.map { $0 } ?? []
            if assets.count >= count || ContinuousClock.now > deadline { return assets }
            try await Task.sleep(for: .milliseconds(200))
        }
    }

    private func post(_ path: String, _ body: String, _ session: Session) async throws -> JSONElement {
        let key = ServiceClient.newKey()
        return try await session.services.call("POST", session.agent, path, body: Array(body.utf8), key: key)
    }

    private func say(_ text: String, _ session: Session) {
        if session.writesJSON { session.console.remark(text) } else { session.console.line(text) }
    }

    private static let unknownAnswer = CommandFailure(.unreachable, "the agent does not answer as a Martlet service")
}
