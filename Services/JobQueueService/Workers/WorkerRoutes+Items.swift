import Contracts
import JSON
import Kernel

/// What each verb's items carry beside `job_id` and `fence`.
extension WorkerRoutes {
    var completionFields: [JSONSchema.Property] {
        [
            .optional("result_url", .string(1...2000)), .optional("result", .anyObject),
            .optional("jobs", .array(of: JobSubmission.schema, 0...100).described("stored with the completion")),
        ]
    }

    var completion: @Sendable (LeaseKey, JSONElement) -> Completion {
        { key, item in
            Completion(
                key: key,
                resultURL: item.value("result_url")?.string,
                result: item.value("result")?.raw,
                followUps: item.value("jobs")?.elements.enumerated()
                    .map { JobSubmission($1, at: "/jobs/\($0)") } ?? []
            )
        }
    }

    var failureFields: [JSONSchema.Property] {
        [
            .required("code", .string(1...100)), .required("message", .string(0...2000)),
            .optional("retryable", .boolean.defaulting(to: true)),
            .optional("retry_after_ms", .integer(0...86_400_000)),
        ]
    }

    var failure: @Sendable (LeaseKey, JSONElement) -> Failure {
        { key, item in
            Failure(
                key: key,
                code: item["code"]?.string ?? "",
                message: item["message"]?.string ?? "",
                isRetryable: item.value("retryable")?.bool ?? true,
                retryAfter: item.value("retry_after_ms")?.int.map { .milliseconds($0) }
            )
        }
    }

    /// What a verb that sets a job aside may say.
    private var waitFields: [JSONSchema.Property] {
        [
            .optional("reason", .string(0...500).described("shown to who asks why the job waits")),
            .optional("checkpoint", .anyObject.described("handed to the next attempt")),
        ]
    }

    var snoozeFields: [JSONSchema.Property] { [.required("delay_ms", .integer(0...86_400_000))] + waitFields }

    var snooze: @Sendable (LeaseKey, JSONElement) -> Snooze {
        { key, item in
            Snooze(
                key: key,
                delay: .milliseconds(item["delay_ms"]?.int ?? 0),
                reason: item.value("reason")?.string,
                checkpoint: item.value("checkpoint")?.raw
            )
        }
    }

    var suspensionFields: [JSONSchema.Property] {
        [
            .optional(
                "timeout_ms",
                .integer(1000...2_592_000_000).defaulting(to: 604_800_000)
                    .described("the job is run again after so long in any case")
            )
        ] + waitFields
    }

    var suspension: @Sendable (LeaseKey, JSONElement) -> Suspension {
        { key, item in
            Suspension(
                key: key,
                limit: .milliseconds(item.value("timeout_ms")?.int ?? 604_800_000),
                reason: item.value("reason")?.string,
                checkpoint: item.value("checkpoint")?.raw
            )
        }
    }

    var releaseFields: [JSONSchema.Property] { [.optional("checkpoint", .anyObject)] }

    var release: @Sendable (LeaseKey, JSONElement) -> Release {
        { key, item in Release(key: key, checkpoint: item.value("checkpoint")?.raw) }
    }

    var progressFields: [JSONSchema.Property] {
        [
            .optional("fraction", .number(0...1)), .optional("message", .string(0...500)),
            .optional("checkpoint", .anyObject.described("handed to the next attempt")),
        ]
    }

    var progress: @Sendable (LeaseKey, JSONElement) -> Progress {
        { key, item in
            Progress(
                key: key,
                fraction: item.value("fraction")?.double,
                message: item.value("message")?.string,
                checkpoint: item.value("checkpoint")?.raw
            )
        }
    }

    var logFields: [JSONSchema.Property] { [.required("lines", .array(of: .string(0...8000), 1...1000))] }

    var log: @Sendable (LeaseKey, JSONElement) -> LogLines {
        { key, item in LogLines(key: key, lines: item["lines"]?.elements.compactMap(\.string) ?? []) }
    }
}
