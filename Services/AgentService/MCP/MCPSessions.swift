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
    }

    let pool: Pool
    var random = RandomSource.system

    /// Opens a session for somebody; its id is told once.
    func open(for principal: String, version: String) async throws -> String {
        let id = Base64URL.encode(random.bytes(24))
        try await pool.execute(MCPStatements.open(hash(id), principal: principal, version: version))
        return id
    }

    /// The session of an id; `nil` when there is none, when it is somebody else's, or when it was silent for a day.
    func find(_ id: String, of principal: String) async throws -> Session? {
        let hash = hash(id)
        guard let row = try await pool.query(MCPStatements.find(hash, principal: principal)).first else { return nil }
        if try row.decode(1, as: Bool.self) { try await pool.execute(MCPStatements.touch(hash)) }
        return Session(hash: hash, version: try row.decode(0))
    }

    /// Ends a session. Returns whether there was one.
    func close(_ id: String, of principal: String) async throws -> Bool {
        try await pool.execute(MCPStatements.close(hash(id), principal: principal)) == 1
    }

    private func hash(_ id: String) -> [UInt8] { SHA256.hash(Array(id.utf8)) }
}
