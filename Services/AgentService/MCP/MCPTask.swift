import JSON
import Kernel

/// A job as the tasks extension shows it.
///
/// | job                                      | task                                                             |
/// | blocked, scheduled, queued, processing   | working                                                          |
/// | completed, failed, expired               | completed; the result of the call says which, as `isError` does  |
/// | cancelled                                | cancelled                                                        |
struct MCPTask: Sendable {
    /// How often a client is asked to look.
    private static let pollInterval = 2_000

    let job: JobView

    var id: String { job.id.description }

    private var status: String {
        switch job.status {
        case "completed", "failed", "expired": "completed"
        case "cancelled": "cancelled"
        default: "working"
        }
    }

    /// Writes its members; with `details` those too that only its end brings.
    func writeMembers(to json: inout JSONWriter, details: Bool) {
        json.member("taskId", job.id)
        json.member("status", status)
        if let message = job.errorMessage ?? job.progressMessage { json.member("statusMessage", message) }
        json.member("createdAt", job.createdAt)
        json.member("lastUpdatedAt", job.completedAt ?? job.startedAt ?? job.createdAt)
        // Jobs are kept as long as the job queue keeps them, which is not told beforehand.
        json.member("ttlMs", Int?.none)
        if status == "working" { json.member("pollIntervalMs", MCPTask.pollInterval) }
        if details, status == "completed" { json.member("result", result) }
    }

    /// What the call that began it would have answered, had it waited.
    private var result: RawJSON {
        let view = RawJSON(JSONWriter.bytes { $0.value(job) })
        return RawJSON(
            JSONWriter.bytes { json in
                json.object {
                    $0.member("content", [ToolAnswer.Content.text(String(decoding: view.bytes, as: UTF8.self))])
                    $0.member("structuredContent", view)
                    $0.member("isError", job.status != "completed")
                }
            }
        )
    }
}
