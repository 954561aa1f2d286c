import Contracts
import Crypto
import HTTPServer
import JSON
import Kernel
public import Postgres
import Store

/// Gives an effect its one transaction, and with it the promise of the Idempotency-Key.
struct Idempotency: Sendable {
    private let pool: Pool

    init(_ pool: Pool) { self.pool = pool }

    func perform(
        _ call: Call,
        _ handler: @escaping @Sendable (Call, Transaction) async throws -> Reply
    ) async throws -> Reply {
        guard let key = try IdempotencyKey(call) else {
            return try await pool.withTransaction { transaction in try await handler(call, transaction) }
        }
        let first: Reply? = try await pool.withTransaction { transaction in
            // Waits for a transaction that holds the same key, then finds its answer below.
            let claimed = try transaction.query(
                IdempotencyStatements.claim(key.caller, key.text, requestHash: key.requestHash)
            )
            guard !claimed.isEmpty else { return nil }
            let reply = try await handler(call, transaction)
            guard case .json(let body) = reply.content else { return reply }
            _ = try transaction.query(
                IdempotencyStatements.answer(key.caller, key.text, status: reply.status.code, response: body)
            )
            return reply
        }
        if let first { return first }
        guard let row = try await pool.query(IdempotencyStatements.find(key.caller, key.text)).first else {
            // It was forgotten, or rolled back, between the two statements.
            throw ServiceError(
                .serviceUnavailable,
                "the first use of this key did not finish; try again",
                retryAfter: .seconds(1)
            )
        }
        return try key.replay(row)
    }
}

/// A caller's key and what it was used for.
public struct IdempotencyKey: Sendable {
    /// Whose key it is.
    public let caller: String
    /// The key.
    public let text: String
    /// What the request asked for.
    public let requestHash: [UInt8]

    /// The key of a call, if it brings one.
    ///
    /// - Throws: `ServiceError` for a key that is empty, longer than 255 bytes, or not visible ASCII.
    public init?(_ call: Call) throws {
        guard let text = call.request.headers["Idempotency-Key"] else { return nil }
        guard (1...255).contains(text.utf8.count), text.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) else {
            throw ServiceError.invalid("Idempotency-Key", "must be 1 to 255 visible ASCII characters")
        }
        caller = call.principal.name
        self.text = text
        requestHash = SHA256.hash(
            Array("\(call.request.method.rawValue) \(call.request.target)\n".utf8) + call.request.body.bytes
        )
    }

    /// The stored answer as a reply.
    ///
    /// - Throws: `IDEMPOTENCY_KEY_REUSED` when the stored request was another one.
    public func replay(_ row: Row) throws -> Reply {
        guard try row.decode(0, as: [UInt8].self) == requestHash else {
            throw ServiceError(.idempotencyKeyReused, "this Idempotency-Key was used for another request")
        }
        guard let status: Int = try row.decode(1), let body: [UInt8] = try row.decode(2) else {
            return Reply.noContent
        }
        return .json(bytes: body, Status(status), headers: [("Idempotency-Replayed", "true")])
    }
}
