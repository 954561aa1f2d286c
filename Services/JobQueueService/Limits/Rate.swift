import JSON
import Postgres

/// So many starts per so long. After a rest up to `burst` may start at once: in any time `t` it is at most
/// `burst + count × t / per_ms` of them.
struct Rate: Sendable, Equatable, JSONWritable {
    let count: Int
    let perMilliseconds: Int
    /// NULL: as many as `count`.
    let burst: Int?

    static let schema = JSONSchema.object([
        .required("count", .integer(1...1_000_000)), .required("per_ms", .integer(1...86_400_000)),
        .optional(
            "burst",
            .integer(1...1_000_000).described("how many may start at once after a rest; count by default")
        ),
    ])

    /// Reads an object that fits the schema.
    init?(_ body: JSONElement?) {
        guard let body, let count = body["count"]?.int, let per = body["per_ms"]?.int else { return nil }
        self.count = count
        perMilliseconds = per
        burst = body.value("burst")?.int
    }

    /// Reads the next three columns.
    init?(_ reader: inout RowReader) throws {
        let count: Int? = try reader.next()
        let per: Int? = try reader.next()
        burst = try reader.next()
        guard let count, let per else { return nil }
        self.count = count
        perMilliseconds = per
    }

    func write(to json: inout JSONWriter) {
        json.object {
            $0.member("count", count)
            $0.member("per_ms", perMilliseconds)
            $0.member("burst", burst ?? count)
        }
    }
}
