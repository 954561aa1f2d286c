internal import CLibPQ

/// One `PGresult`: read here, cleared here, and never seen outside this module.
@safe
struct ResultHandle: ~Copyable {
    private let raw: OpaquePointer

    // The caller gives up the pointer, which no one else has: it comes fresh from `PQgetResult`.
    init(adopting raw: OpaquePointer) { unsafe self.raw = raw }

    deinit { unsafe PQclear(raw) }

    enum Outcome {
        case success
        /// The end of a pipeline.
        case sync
        /// Skipped, because an earlier command of the pipeline failed.
        case aborted
        case failure
    }

    var outcome: Outcome {
        switch unsafe PQresultStatus(raw) {
        case PGRES_COMMAND_OK, PGRES_TUPLES_OK, PGRES_EMPTY_QUERY: .success
        case PGRES_PIPELINE_SYNC: .sync
        case PGRES_PIPELINE_ABORTED: .aborted
        default: .failure
        }
    }

    /// Copies everything out. `columns`, when known from an earlier run of the statement, spares reading them again.
    func rows(columns known: Columns?) -> Rows {
        let count = Int(unsafe PQntuples(raw))
        let width = Int(unsafe PQnfields(raw))
        let columns = known.flatMap { $0.types.count == width ? $0 : nil } ?? readColumns(width)
        // The command tag lives as long as the result; copied at once.
        let tag = unsafe String(cString: PQcmdStatus(raw))
        var bytes: [UInt8] = []
        var cells: [Rows.CellPlace] = []
        cells.reserveCapacity(count * width)
        for row in 0..<Int32(truncatingIfNeeded: count) {
            for column in 0..<Int32(truncatingIfNeeded: width) {
                let length = unsafe PQgetisnull(raw, row, column) == 1 ? -1 : PQgetlength(raw, row, column)
                cells.append(Rows.CellPlace(start: bytes.count, length: length))
                guard length > 0, let value = unsafe PQgetvalue(raw, row, column) else { continue }
                // libpq says that `value` has `length` bytes; they are copied before the result is cleared.
                unsafe bytes.append(contentsOf: UnsafeRawBufferPointer(start: value, count: Int(length)))
            }
        }
        return Rows(
            buffer: ResultBuffer(bytes),
            columns: columns,
            cells: cells,
            count: count,
            affectedRows: Self.affectedRows(tag),
            command: String(tag.prefix { $0 != " " })
        )
    }

    /// The columns, when the result has rows.
    func columns() -> Columns { readColumns(Int(unsafe PQnfields(raw))) }

    private func readColumns(_ width: Int) -> Columns {
        if width == 0 { return .none }
        let places = 0..<Int32(truncatingIfNeeded: width)
        return Columns(
            names: places.map { name(ofColumn: $0) },
            types: places.map { PostgresType(rawValue: unsafe PQftype(raw, $0)) }
        )
    }

    private func name(ofColumn column: Int32) -> String {
        // The name lives as long as the result; copied at once.
        guard let name = unsafe PQfname(raw, column) else { return "" }
        return unsafe String(cString: name)
    }

    /// The last number of a tag such as `INSERT 0 5`.
    private static func affectedRows(_ tag: String) -> Int {
        tag.split(separator: " ").last.flatMap { Int($0) } ?? 0
    }

    /// What the server says went wrong. Only names leave in the open parts of the error.
    func error() -> PostgresError {
        guard let state = field(martlet_diag_sqlstate) else {
            return .connectionLost(unsafe String(cString: PQresultErrorMessage(raw)))
        }
        let code = SQLState(rawValue: state)
        let detail = [field(martlet_diag_message), field(martlet_diag_detail)].compactMap { $0 }
        // A plan may be stale without a code of its own: the function that refuses it has a name, in every language.
        let isStalePlan = code == .featureNotSupported && field(martlet_diag_function) == "RevalidateCachedQuery"
        return PostgresError(
            .server,
            "the server refused the statement",
            code: code,
            constraint: field(martlet_diag_constraint),
            table: field(martlet_diag_table),
            detail: detail.joined(separator: "; "),
            isStaleStatement: isStalePlan || code == .invalidStatementName
        )
    }

    private func field(_ code: Int32) -> String? {
        // The text lives as long as the result; copied at once.
        guard let text = unsafe PQresultErrorField(raw, code) else { return nil }
        return unsafe String(cString: text)
    }
}
