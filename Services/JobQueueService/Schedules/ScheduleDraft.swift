import Contracts
import Cron
import JSON
import Kernel

/// A schedule that somebody asks for, checked and with its defaults filled in.
struct ScheduleDraft: Sendable {
    let name: String?
    let timing: ScheduleTiming
    /// The body of a submission.
    let job: RawJSON
    let submission: JobSubmission
    let missed: MissedRuns
    let isPaused: Bool

    /// The body of `POST /api/schedules` and of `PUT`.
    static let schema = JSONSchema.object([
        .optional("name", .string(1...200).described("for people")),
        .optional(
            "cron",
            .string(1...CronExpression.maximumLength)
                .described("minute, hour, day of month, month, day of week; with six fields the first is the second")
        ),
        .optional("every_ms", .integer(1000...31_536_000_000).described("equal times, counted from the creation")),
        .optional("timezone", .string(1...64).defaulting(to: "UTC").described("IANA name: whose clocks cron means")),
        .required("job", JobSubmission.schema.described("what is submitted each time: a body of POST /api/jobs")),
        .optional(
            "missed",
            .word(MissedRuns.allCases.map(\.rawValue)).defaulting(to: MissedRuns.skip.rawValue)
                .described("runs whose time passed while the service was down; run_all: the last \(MissedRuns.limit)")
        ),
        .optional("paused", .boolean.defaulting(to: false)),
    ])

    /// Reads a body that fits the schema.
    ///
    /// - Throws: `ServiceError` with all that is wrong beside its shape.
    init(_ body: JSONElement, _ zones: ZoneDatabase) throws {
        name = body.value("name")?.string
        timing = ScheduleTiming(
            cron: body.value("cron")?.string,
            every: body.value("every_ms")?.int.map { .milliseconds($0) },
            timezone: body.value("timezone")?.string ?? "UTC"
        )
        missed = body.value("missed")?.string.flatMap { MissedRuns(rawValue: $0) } ?? .skip
        isPaused = body.value("paused")?.bool ?? false
        let template = body["job"] ?? .null
        job = template.raw
        let issues = ScheduleDraft.issues(timing, zones) + ScheduleDraft.issues(in: template)
        guard issues.isEmpty else { throw ServiceError.invalid(issues) }
        submission = JobSubmission(template, at: "/job")
    }

    private static func issues(_ timing: ScheduleTiming, _ zones: ZoneDatabase) -> [JSONIssue] {
        var issues: [JSONIssue] = []
        switch (timing.cron, timing.every) {
        case (nil, nil): issues.append(JSONIssue(pointer: "/cron", message: "is required, or else every_ms"))
        case (_?, _?): issues.append(JSONIssue(pointer: "/every_ms", message: "does not go together with cron"))
        case (let cron?, nil):
            do throws(CronError) { _ = try CronExpression(cron) } catch {
                issues.append(JSONIssue(pointer: "/cron", message: error.description))
            }
        case (nil, _): break
        }
        do throws(ZoneError) { _ = try zones.zone(timing.timezone) } catch {
            issues.append(JSONIssue(pointer: "/timezone", message: error.description))
        }
        return issues
    }

    /// What a single job may have and one that comes again and again may not.
    private static func issues(in template: JSONElement) -> [JSONIssue] {
        var issues: [JSONIssue] = []
        for name in ["run_at", "deadline_at", "depends_on"] where template.value(name) != nil {
            let message = "does not go with a schedule, whose jobs come at many times"
            issues.append(JSONIssue(pointer: "/job/\(name)", message: message))
        }
        var texts = (template.value("tags")?.elements.map { $0 } ?? []).enumerated()
            .map { (pointer: "/job/tags/\($0.offset)", text: $0.element) }
        if let key = template.value("unique")?["key"] { texts.append(("/job/unique/key", key)) }
        for (pointer, text) in texts where text.stringBytes?.contains(0) == true {
            issues.append(JSONIssue(pointer: pointer, message: "must not hold the character U+0000"))
        }
        return issues
    }
}
