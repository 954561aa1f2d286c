import Contracts
import JSON
import Kernel

/// What a task has written to a channel, to be kept until the step's checkpoint takes it up.
struct WriteDraft: Sendable {
    let taskID: String
    let taskPath: String
    /// Which write of its task. Of those from 0 on the first is kept, of those below the last: they tell of the task
    /// itself, as errors and interrupts do.
    let index: Int
    let channel: String
    let place: RawJSON
    let digests: DigestList

    static let schema = JSONSchema.array(
        of: .object([
            .required("task_id", .string(ThreadBounds.name)), .optional("task_path", .string(ThreadBounds.path)),
            .optional("idx", .integer(-1_000_000...1_000_000).described("its place among the task's by default")),
            .required("channel", .string(ThreadBounds.name)), .required("value", .any),
        ]),
        0...ThreadBounds.writes
    )

    /// The `writes` of a body; what they have of values is added to `values`.
    static func list(_ body: JSONElement, _ values: inout [UUID: [UInt8]]) throws -> [WriteDraft] {
        var counts: [String: Int] = [:]
        var drafts: [WriteDraft] = []
        for (number, write) in (body.value("writes")?.elements.enumerated().map { $0 }) ?? [] {
            let task = write["task_id"]?.string ?? ""
            let place = counts[task, default: 0]
            counts[task] = place + 1
            var digests = DigestList()
            drafts.append(
                WriteDraft(
                    taskID: task,
                    taskPath: write.value("task_path")?.string ?? "",
                    index: write.value("idx")?.int ?? place,
                    channel: write["channel"]?.string ?? "",
                    place: try StoredValue.split(
                        write["value"] ?? .null,
                        at: "/writes/\(number)/value",
                        &digests,
                        &values
                    ),
                    digests: digests
                )
            )
        }
        return drafts
    }
}
