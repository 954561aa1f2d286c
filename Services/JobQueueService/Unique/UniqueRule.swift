import JSON
import Kernel

/// That there may be one job with a key, among those of a kind and a project, for as long as the scope says.
struct UniqueRule: Sendable {
    /// How long a job holds its key.
    enum Scope: String, Sendable, CaseIterable {
        case untilStarted = "until_started"
        case untilFinished = "until_finished"
        /// For `window` from its submission.
        case window
        case forever
    }

    /// What a second submission does.
    enum OnConflict: String, Sendable, CaseIterable {
        /// It is answered with the job that is there.
        case returnExisting = "return_existing"
        /// It is refused.
        case reject
        /// It gives the job that is there its params, if nobody runs that one yet.
        case replaceParams = "replace_params"
        /// It gives the job that is there its time, if nobody runs that one yet.
        case reschedule
    }

    let key: String
    var scope = Scope.untilFinished
    var window: Duration?
    var onConflict = OnConflict.returnExisting

    static let schema = JSONSchema.object([
        .required("key", .string(1...200)),
        .optional("scope", .word(Scope.allCases.map(\.rawValue)).defaulting(to: "until_finished")),
        .optional("window_ms", .integer(1...31_536_000_000).described("with scope window")),
        .optional("on_conflict", .word(OnConflict.allCases.map(\.rawValue)).defaulting(to: "return_existing")),
    ])

    /// Reads a rule that fits the schema.
    init(_ body: JSONElement) {
        key = body["key"]?.string ?? ""
        scope = body.value("scope")?.string.flatMap(Scope.init) ?? scope
        window = body.value("window_ms")?.int.map { .milliseconds($0) }
        onConflict = body.value("on_conflict")?.string.flatMap(OnConflict.init) ?? onConflict
    }
}
