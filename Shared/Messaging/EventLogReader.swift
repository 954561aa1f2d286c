public import Contracts
public import Kernel
public import Postgres

/// Reads the event log.
public struct EventLogReader: Sendable {
    private let pool: Pool

    /// A reader on the service's pool.
    public init(_ pool: Pool) { self.pool = pool }

    /// The name of the log's history.
    public func epoch() async throws -> String {
        guard let row = try await pool.query(EventLog.epoch).first else { throw EventLogError.unreadable }
        return try row.decode(0)
    }

    /// Settled events after a place, in order.
    public func settled(after place: LogPlace, atMost limit: Int) async throws -> [LoggedEvent] {
        try await pool.query(EventLog.settled(after: place, atMost: limit)).map(LoggedEvent.init)
    }

    /// The last settled place; `start` in an empty log.
    public func settledEnd() async throws -> LogPlace { try await place(EventLog.settledEnd) ?? .start }

    /// The first place that is still kept; `nil` in an empty log.
    public func oldest() async throws -> LogPlace? { try await place(EventLog.oldest) }

    /// The events of a context after a place, up to another, in order; of more than `limit` the latest.
    public func latest(
        of context: ContextID,
        after place: LogPlace,
        upTo end: LogPlace,
        atMost limit: Int
    ) async throws -> [LoggedEvent] {
        let condition: SQL =
            switch context {
            case .card(let id): "card_id = \(id)"
            case .project(let id): "project_id = \(id)"
            case .job(let id): "subject = \(id)"
            case .run(let id): "subject = \(id)"
            case .thread(let id): "(subject = \(id) OR body ->> 'thread_id' = \(id.description))"
            case .queue(let name): "body ->> 'queue' = \(name)"
            case .all: "true"
            }
        return try await pool.query(EventLog.ofContext(condition, after: place, upTo: end, atMost: limit))
            .map(LoggedEvent.init).reversed()
    }

    /// The settled events of a subject after a place, in order.
    public func settled(ofSubject subject: UUID, after place: LogPlace, atMost limit: Int) async throws -> [LoggedEvent]
    {
        try await pool.query(EventLog.settled(ofSubject: subject, after: place, atMost: limit)).map(LoggedEvent.init)
    }

    /// The status events of a job after a number, in order.
    public func events(ofJob job: JobID, afterSeq seq: Int, atMost limit: Int) async throws -> [LoggedEvent] {
        let statement = EventLog.ofSubject(job.uuid, type: .jobStatusUpdated, afterSeq: seq, atMost: limit)
        return try await pool.query(statement).map(LoggedEvent.init)
    }

    /// The event with an id, `<subject>:…`; `nil` when the log has none such, or no longer.
    public func event(_ id: String) async throws -> LoggedEvent? {
        guard let subject = UUID(String(id.prefix { $0 != ":" })) else { return nil }
        return try await pool.query(EventLog.event(id, of: subject)).first.map(LoggedEvent.init)
    }

    private func place(_ statement: SQL) async throws -> LogPlace? {
        guard let row = try await pool.query(statement).first else { return nil }
        return LogPlace(transaction: try row.decode(0), row: try row.decode(1))
    }
}

/// The log could not be read as expected.
public enum EventLogError: Error {
    /// The database does not say which history it has.
    case unreadable
}
