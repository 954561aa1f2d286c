import Contracts
import JSON
import Kernel
import Postgres

/// How a call ended that went on as a job or as another run.
struct RunCallEnding: Sendable {
    let step: Int
    let call: String
    let tool: String
    /// What the model is told.
    let text: String
    /// The error's code, if it failed.
    let code: String?

    /// Reads a row of `RunStepStatements.endedJobs`.
    init(job row: Row) throws {
        var reader = row.reader
        step = try reader.next()
        call = try reader.next()
        tool = try reader.next()
        let job: JobID = try reader.next()
        let status: String = try reader.next()
        let url: String? = try reader.next()
        let result: RawJSON? = try reader.next()
        let code: String? = try reader.next()
        let message: String? = try reader.next()
        self.code = status == JobStatus.completed.rawValue ? nil : code ?? "JOB_\(status.uppercased())"
        text = JSONWriter.bytesAsText { json in
            json.object {
                $0.member("job_id", job)
                $0.member("status", status)
                $0.member("result_url", url)
                $0.member("result", result)
                $0.member("error_code", code)
                $0.member("error_message", message)
            }
        }
    }

    /// Reads a row of `RunStepStatements.endedChildren`.
    init(child row: Row) throws {
        var reader = row.reader
        step = try reader.next()
        call = try reader.next()
        tool = try reader.next()
        let run: RunID = try reader.next()
        let status: String = try reader.next()
        let answer: String? = try reader.next()
        let limit: String? = try reader.next()
        let code: String? = try reader.next()
        let message: String? = try reader.next()
        self.code = status == RunStatus.completed.rawValue ? nil : code ?? "RUN_\(status.uppercased())"
        text = JSONWriter.bytesAsText { json in
            json.object {
                $0.member("run_id", run)
                $0.member("status", status)
                $0.member("answer", answer)
                $0.member("limit_reached", limit)
                $0.member("error_code", code)
                $0.member("error_message", message)
            }
        }
    }
}

extension JSONWriter {
    fileprivate static func bytesAsText(_ body: (inout JSONWriter) -> Void) -> String {
        var writer = JSONWriter()
        body(&writer)
        return writer.text
    }
}
