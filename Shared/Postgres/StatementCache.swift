/// Which statements a connection has prepared, the least recently used to be forgotten first.
struct StatementCache {
    /// A statement is the same when text and parameter types are.
    struct Key: Hashable {
        let template: String
        let types: [PostgresType]

        init(_ sql: SQL) {
            template = sql.template
            types = sql.parameters.parameters.map(\.type)
        }
    }

    struct Statement {
        let name: String
        var columns: Columns?
        fileprivate var lastUse: UInt64
    }

    private var statements: [Key: Statement] = [:]
    private var uses: UInt64 = 0
    private var names = 0
    private let capacity: Int
    /// Statements that the cache has forgotten and the server has not.
    private(set) var retired: [String] = []

    init(capacity: Int) { self.capacity = capacity }

    /// The statement, if prepared.
    mutating func find(_ key: Key) -> Statement? {
        guard let index = statements.index(forKey: key) else { return nil }
        uses += 1
        statements.values[index].lastUse = uses
        return statements.values[index]
    }

    /// A name that the session has not seen.
    mutating func newName() -> String {
        names += 1
        return "s\(names)"
    }

    /// Remembers a statement that the server has prepared.
    mutating func insert(_ key: Key, name: String, columns: Columns?) {
        if statements.count >= capacity, let oldest = statements.min(by: { $0.value.lastUse < $1.value.lastUse }) {
            remove(oldest.key)
        }
        uses += 1
        statements[key] = Statement(name: name, columns: columns, lastUse: uses)
    }

    /// Keeps a statement's columns for its next run.
    mutating func setColumns(_ columns: Columns, of key: Key) { statements[key]?.columns = columns }

    /// Forgets a statement.
    mutating func remove(_ key: Key) {
        if let statement = statements.removeValue(forKey: key) { retired.append(statement.name) }
    }

    mutating func takeRetired() -> [String] {
        defer { retired = [] }
        return retired
    }

    var count: Int { statements.count }
}
