import JSON

/// Shows a run while it goes on: what the agent says on the output, what it does as remarks.
struct RunWatch: Sendable {
    let session: Session
    let run: String

    /// Follows the run until it has ended, or waits for a decision that nobody here can make.
    func follow() async throws -> ExitStatus {
        let stream = EventStream(services: session.services, base: session.agent, path: "/api/runs/\(run)/events")
        var status = ExitStatus.success
        // What came of the present step's words while they were said: its end brings the rest.
        var spoken = ""
        try await stream.follow { data in
            guard let data else { return true }
            let event = try JSONDocument(parsing: data).root
            if session.writesJSON { session.console.line(data) }
            switch event["event"]?.string {
            case "delta" where !session.writesJSON:
                guard event["delta"]?["kind"]?.string == "text" else { return true }
                let piece = event["delta"]?["text"]?.string ?? ""
                spoken += piece
                session.console.write(RunWatch.printable(piece))
            case "step" where !session.writesJSON: show(event["step"], spoken: &spoken)
            case "approval_required":
                let step = event["step"]
                let call = step?["call_id"]?.string ?? ""
                session.console.remark(
                    "\(step?["tool"]?.string ?? "") \(step?["arguments"]?.text ?? "") waits for leave:\n"
                        + "  martlet approve \(run) \(call)    or    martlet deny \(run) \(call)"
                )
            case "completed": return false
            case "failed", "cancelled":
                let reason = event["error_message"]?.string ?? "it was cancelled"
                session.console.remark("martlet: \(reason)")
                status = .failure
                return false
            default: break
            }
            return true
        }
        return status
    }

    private func show(_ step: JSONElement?, spoken: inout String) {
        guard let step, let status = step["status"]?.string else { return }
        switch step["kind"]?.string {
        case "model":
            let parts = step.value("message")?["parts"]?.elements.map { $0 } ?? []
            let text = parts.compactMap { $0["text"]?.string }.joined()
            // Pieces may be missing, or be of an attempt that came to nothing: then there is the whole.
            let rest = text.hasPrefix(spoken) ? String(text.dropFirst(spoken.count)) : "\n" + text
            session.console.write(RunWatch.printable(rest))
            if !text.isEmpty || !spoken.isEmpty { session.console.write("\n") }
            spoken = ""
            if status == "failed" { session.console.remark("  \(step["error_message"]?.string ?? "no answer")") }
        case "tool" where status == "done" || status == "failed" || status == "waiting":
            session.console.remark("  \(step["tool"]?.string ?? "") \(step["arguments"]?.text ?? "") … \(status)")
        default: break
        }
    }

    /// Words without what would move the terminal's cursor, but in their lines.
    private static func printable(_ text: String) -> String {
        text.split(separator: "\n", omittingEmptySubsequences: false).map { ProgressBar.printable(String($0)) }
            .joined(separator: "\n")
    }
}
