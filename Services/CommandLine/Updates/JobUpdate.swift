import Contracts
import JSON
import Kernel

/// What is told of a job: by an event, by a snapshot, or by the job itself.
struct JobUpdate: Sendable {
    let jobID: String
    let kind: String
    let status: JobStatus
    let seq: Int
    let fraction: Double?
    let message: String?
    let resultURL: String?
    let error: String?
    let time: Timestamp?
    /// As it came.
    let text: String

    init?(_ body: JSONElement) {
        guard let id = body.value("job_id")?.string,
            let status = body.value("status")?.string.flatMap(JobStatus.init(rawValue:))
        else { return nil }
        jobID = id
        self.status = status
        kind = body.value("kind")?.string ?? "job"
        seq = body.value("seq")?.int ?? 0
        fraction = body.value("progress")?.value("fraction")?.double
        message = body.value("progress")?.value("message")?.string
        resultURL = body.value("result_url")?.string
        let told = body.value("error")
        error =
            told?.value("message")?.string ?? body.value("error_message")?.string ?? told?.value("code")?.string
            ?? body.value("error_code")?.string
        time = (body.value("timestamp") ?? body.value("completed_at") ?? body.value("created_at"))?.string
            .flatMap { Timestamp($0) }
        text = body.text
    }

    /// One line: time, kind, status, progress, and what came of it.
    var line: String {
        var parts = [clock, kind.padded(to: 10), status.rawValue.padded(to: 10)]
        if let fraction, !status.isFinal { parts.append("\(Int((fraction * 100).rounded())) %") }
        if let message, !status.isFinal { parts.append(ProgressBar.printable(message)) }
        if let resultURL { parts.append(resultURL) }
        if let error { parts.append(ProgressBar.printable(error)) }
        return parts.joined(separator: "  ")
    }

    /// The time of day in UTC.
    var clock: String {
        guard let text = time?.description, text.utf8.count >= 23 else { return "--:--:--.---" }
        return String(text.dropFirst(11).prefix(12))
    }
}

extension String {
    /// The text with spaces behind it, at least so long.
    func padded(to width: Int) -> String {
        count < width ? self + String(repeating: " ", count: width - count) : self
    }
}
