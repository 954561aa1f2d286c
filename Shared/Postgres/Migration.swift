/// One step of a schema's way forward: a script that runs once, in a transaction of its own.
public struct Migration: Sendable, Hashable {
    /// Its place in the order; 1 is the first.
    public let version: Int
    /// What it does, in snake case.
    public let name: String
    /// The statements.
    let script: [UInt8]

    /// A migration of these statements.
    public init(version: Int, name: String, script: String) {
        self.version = version
        self.name = name
        self.script = Array(script.utf8)
    }

    /// A migration embedded as a resource, whose name says version and purpose: `V0001__create_jobs`, with or
    /// without `.sql` or `_sql` at its end.
    ///
    /// ```swift
    /// try Migration("V0001__create_jobs", PackageResources.V0001__create_jobs_sql)
    /// ```
    /// - Throws: `PostgresError` of kind `.migration` for any other name, or an empty script.
    public init(_ resource: String, _ script: [UInt8]) throws {
        var stem = resource[...]
        for suffix in [".sql", "_sql"] where stem.hasSuffix(suffix) { stem = stem.dropLast(4) }
        let digits = stem.dropFirst().prefix { $0.isASCII && $0.isNumber }
        let name = stem.dropFirst(1 + digits.count + 2)
        guard stem.hasPrefix("V"), let version = Int(digits), version > 0, !name.isEmpty, !script.isEmpty,
            stem.dropFirst(1 + digits.count).hasPrefix("__"),
            name.allSatisfy({ $0.isASCII && ($0.isLowercase || $0.isNumber || $0 == "_") })
        else {
            throw PostgresError(.migration, "a migration must be named like V0001__create_jobs.sql: \(resource)")
        }
        self.version = version
        self.name = String(name)
        self.script = script
    }
}
