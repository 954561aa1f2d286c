import Contracts
import Postgres

extension Transaction {
    /// The first row of a statement as a value; `<THING>_NOT_FOUND` without one.
    func first<Value: Sendable>(_ sql: SQL, _ read: @Sendable (Row) throws -> Value, orMissing thing: String) throws
        -> Value
    {
        guard let row = try query(sql).first else { throw ServiceError.notFound(thing) }
        return try read(row)
    }
}

extension Pool {
    /// The first row of a statement as a value; `<THING>_NOT_FOUND` without one.
    func first<Value: Sendable>(_ sql: SQL, _ read: @Sendable (Row) throws -> Value, orMissing thing: String)
        async throws
        -> Value
    {
        guard let row = try await query(sql).first else { throw ServiceError.notFound(thing) }
        return try read(row)
    }
}

extension Transaction {
    /// The number that a statement counts.
    func count(_ sql: SQL) throws -> Int { try query(sql).first?.decode(0) ?? 0 }
}

extension Transaction {
    /// A card that stays as it is until the transaction ends.
    func lockCard(_ id: CardID, limit: ProjectID?) throws -> Card {
        let results = try query([CardStatements.lock(id), CardStatements.find(id, limit: limit)])
        guard let row = results.last?.first else { throw ServiceError.notFound("CARD") }
        return try Card(row)
    }
}
