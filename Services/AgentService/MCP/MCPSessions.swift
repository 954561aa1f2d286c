import Crypto
import Kernel
import Postgres

/// Sessions of legacy clients. They are in the database, so that any replica can answer and a restart ends none.
struct MCPSessions: Sendable {
    /// A session as its row says.
    struct Session: Sendable {
        /// The hash of its id.
        let hash: [UInt8]
        let version: String
        /// What the client can be asked for.
        let kinds: Set<InputRequest.Kind>
        /// The least severity of messages that it wants.
        let severity: Severity
    }

    let pool: Pool
    var random = RandomSource.system

    /// Opens a session for somebody who can be asked for `kinds`; its id is told once.
    func open(for principal: String, version: String, kinds: Set<InputRequest.Kind>) async throws -> String {
        let id = Base64URL.encode(random.bytes(24))
        let open = MCPStatements.open(hash(id), principal: principal, version: version, kinds: Array(kinds))
        try await pool.execute(open)
        return id
    }

    /// The session of an id; `nil` when there is none, when it is somebody else's, or when it was silent for a day.
    func find(_ id: String, of principal: String) async throws -> Session? {
        let hash = hash(id)
        guard let row = try await pool.query(MCPStatements.find(hash, principal: principal)).first else { return nil }
        var reader = row.reader
        let version: String = try reader.next()
        let kinds: [String] = try reader.next()
        let severity: String = try reader.next()
        let isDue: Bool = try reader.next()
        if isDue { try await pool.execute(MCPStatements.touch(hash)) }
        return Session(
            hash: hash,
            version: version,
            kinds: Set(kinds.compactMap(InputRequest.Kind.init)),
            severity: Severity(rawValue: severity) ?? .info
        )
    }

    /// Sends a session no messages of less severity from now on.
    func set(_ severity: Severity, of session: Session) async throws {
        try await pool.execute(MCPStatements.set(severity, of: session.hash))
    }

    /// Subscribes a session to a resource. Returns the stream that is to tell of it, if there is one.
    ///
    /// - Throws: `MCPError` when it has as many as it may have.
    func subscribe(_ session: Session, to uri: String) async throws -> UUID? {
        let subscribe = MCPStatements.subscribe(session.hash, to: uri, atMost: MCPSubscriptions.most)
        guard let row = try await pool.query(subscribe).first else {
            throw MCPError.parameters("at most \(MCPSubscriptions.most) resources by one session")
        }
        return try row.decode(0, as: UUID?.self)
    }

    /// Ends a subscription. Returns the stream that told of it, if there is one.
    func unsubscribe(_ session: Session, from uri: String) async throws -> UUID? {
        try await pool.query(MCPStatements.unsubscribe(session.hash, from: uri)).first?.decode(0, as: UUID?.self)
    }

    /// Makes a stream the one that tells of a session's subscriptions. Returns the one before.
    func listen(_ session: Session, as stream: UUID) async throws -> UUID? {
        try await pool.query(MCPStatements.listen(session.hash, as: stream)).first?.decode(0, as: UUID?.self)
    }

    /// What a stream is to tell of; `nil` when it is no longer the one, or its session is over.
    func subscriptions(of stream: UUID) async throws -> Set<String>? {
        try await pool.query(MCPStatements.subscriptions(of: stream)).first
            .map { Set(try $0.decode(0, as: [String].self)) }
    }

    /// Ends a session. Returns whether there was one.
    func close(_ id: String, of principal: String) async throws -> Bool {
        try await pool.execute(MCPStatements.close(hash(id), principal: principal)) == 1
    }

    private func hash(_ id: String) -> [UInt8] { SHA256.hash(Array(id.utf8)) }
}
