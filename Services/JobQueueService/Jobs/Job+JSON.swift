import Contracts
import JSON
import Kernel

extension Job: JSONWritable {
    /// Writes the job as an object.
    func write(to json: inout JSONWriter) { json.object { writeMembers(to: &$0) } }

    func writeMembers(to json: inout JSONWriter) {
        json.member("job_id", id)
        json.member("status", status.rawValue)
        json.member("phase", phase.rawValue)
        json.member("card_id", cardID)
        json.member("activity_id", activityID)
        json.member("project_id", projectID)
        json.member("kind", kind)
        json.member("queue", queue)
        json.member("params", params)
        json.member("priority", priority)
        json.member("attempt", attempt)
        json.member("max_attempts", maxAttempts)
        json.member("timeout_ms", timeout.milliseconds)
        json.member("deadline_at", deadlineAt)
        json.member("progress") { json in
            guard progressFraction != nil || progressMessage != nil else { return json.value(Bool?.none) }
            json.object {
                $0.member("fraction", progressFraction)
                $0.member("message", progressMessage)
            }
        }
        json.member("result_url", resultURL)
        json.member("result", result)
        json.member("error_code", errorCode)
        json.member("error_message", errorMessage)
        json.member("created_at", createdAt)
        json.member("run_at", runAt)
        json.member("started_at", startedAt)
        json.member("completed_at", completedAt)
        json.member("seq", seq)
        json.member("tags", tags)
        json.member("metadata", metadata)
        json.member("callback_url", callbackURL)
        json.member("retry_of", retryOf)
        json.member("depends_on", dependsOn)
        json.member("ordering_key", orderingKey)
        json.member("concurrency_key", concurrencyKey)
        json.member("dependency", dependency)
        json.member("wait_reason", waitReason)
    }

    /// The answer to a submission: the three members that the contract puts first, then the job.
    var createdAnswer: [UInt8] {
        JSONWriter.bytes { json in
            json.object { json in
                json.member("message", createdMessage)
                writeMembers(to: &json)
            }
        }
    }

    /// The answer to a submission whose unique key names this job.
    var existingAnswer: [UInt8] {
        JSONWriter.bytes { json in
            json.object { json in
                json.member("message", "A job with this unique key is there already")
                writeMembers(to: &json)
            }
        }
    }

    private var createdMessage: String {
        switch status {
        case .blocked where dependsOn.isEmpty:
            "Job created; it runs when the earlier ones of its ordering key have ended"
        case .blocked: "Job created; it waits for the jobs it depends on"
        case .scheduled: "Job created and scheduled for \(runAt)"
        default: "Job created and queued for processing"
        }
    }
}
