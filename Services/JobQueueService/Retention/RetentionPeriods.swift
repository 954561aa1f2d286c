import Contracts
import JSON
import Postgres
import Settings

/// How long jobs are kept after they have ended, by how they ended.
struct RetentionPeriods: Sendable, Equatable {
    /// The final statuses, in the order of `milliseconds`.
    static let outcomes = JobStatus.allCases.filter(\.isFinal)

    /// Of each outcome: `nil` says nothing, 0 means for ever.
    private(set) var milliseconds: [JobStatus: Int]

    /// Those of the settings: they say something of each outcome.
    init(_ reader: inout SettingsReader) {
        let fallbacks: [JobStatus: Int] = [.completed: 7, .failed: 30, .cancelled: 7, .expired: 30]
        milliseconds = [:]
        for outcome in RetentionPeriods.outcomes {
            let days = reader.int(
                "\(outcome.rawValue.uppercased())_RETENTION_DAYS",
                "how long \(outcome.rawValue) jobs are kept, where their queue does not say otherwise; 0 for ever",
                default: fallbacks[outcome] ?? 0,
                in: 0...36_500
            )
            milliseconds[outcome] = days * 86_400_000
        }
    }

    /// Those of a queue, from a row of `RetentionStatements.columns`.
    init(_ reader: inout RowReader) throws {
        milliseconds = [:]
        for outcome in RetentionPeriods.outcomes { milliseconds[outcome] = try reader.next(Int?.self) }
    }

    /// Those of a queue, from a body that fits the schema.
    init(_ body: JSONElement) {
        milliseconds = [:]
        for outcome in RetentionPeriods.outcomes {
            milliseconds[outcome] = body.value("\(outcome.rawValue)_ms")?.int
        }
    }

    init(_ milliseconds: [JobStatus: Int] = [:]) { self.milliseconds = milliseconds }

    static let schema = JSONSchema.object(
        outcomes.map { outcome in
            .optional(
                "\(outcome.rawValue)_ms",
                .integer(0...3_153_600_000_000)
                    .described("how long \(outcome.rawValue) jobs are kept; 0 for ever; left out: as the settings say")
            )
        }
    )

    subscript(_ outcome: JobStatus) -> Int? { milliseconds[outcome] }

    /// These where they say something, else the others.
    func over(_ others: RetentionPeriods) -> RetentionPeriods {
        RetentionPeriods(others.milliseconds.merging(milliseconds) { $1 })
    }

    func writeMembers(to json: inout JSONWriter) {
        for outcome in RetentionPeriods.outcomes { json.member("\(outcome.rawValue)_ms", milliseconds[outcome]) }
    }
}
