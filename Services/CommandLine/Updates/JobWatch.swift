import Contracts

/// Shows what happens to a job until it has ended.
struct JobWatch: Sendable {
    let session: Session
    let job: String

    /// Returns success when it completed.
    func run() async throws -> ExitStatus {
        var screen = JobScreen(console: session.console, writesJSON: session.writesJSON)
        let live = LiveUpdates(services: session.services, context: "job:\(job)")
        try await live.follow { news in
            switch news {
            case .connected:
                // What happened before the stream stood is asked for; what comes twice is shown once.
                let now = try await session.services.call("GET", session.jobQueue, "/api/jobs/\(job)")
                return JobUpdate(now).map { screen.show($0) } ?? true
            case .job(let update): return screen.show(update)
            case .other: return true
            }
        }
        return screen.last == .completed ? .success : .failure
    }
}

/// Draws the updates of one job.
struct JobScreen {
    let console: Console
    let writesJSON: Bool
    private(set) var last: JobStatus?
    private var seq = 0
    private var fraction: Double?
    private var message: String?

    init(console: Console, writesJSON: Bool) {
        self.console = console
        self.writesJSON = writesJSON
    }

    /// Shows an update unless it is old; returns whether more may come.
    mutating func show(_ update: JobUpdate) -> Bool {
        let isNews =
            update.seq > seq || (update.seq == seq && (update.fraction != fraction || update.message != message))
        guard isNews, last?.isFinal != true else { return last?.isFinal != true }
        seq = update.seq
        fraction = update.fraction
        message = update.message
        last = update.status
        if writesJSON {
            console.line(update.text)
        } else if console.isTerminal {
            // Carriage return, erase the line, draw it again.
            console.write("\r\u{1B}[2K\(ProgressBar.text(update))\(update.status.isFinal ? "\n" : "")")
        } else {
            console.line(update.line)
        }
        return !update.status.isFinal
    }
}
