import Contracts
import Crypto
import JSON
import Kernel
import Postgres

/// Leave to call a tool: for these arguments, in this name, for so long, once.
struct RunApproval: Sendable {
    /// What somebody decided.
    enum Decision: String, Sendable, CaseIterable {
        case approve, deny
    }

    let tool: String
    let digest: [UInt8]
    let principal: String
    let expiresAt: Timestamp
    let decision: Decision?
    let note: String?
    let decidedBy: String?
    let isConsumed: Bool

    /// The columns that `init(_:)` reads, in its order; all NULL where there is none.
    static let columns: SQL = """
        approval.tool, approval.arguments_digest, approval.principal, approval.expires_at, approval.decision,
        approval.note, approval.decided_by, approval.consumed_at IS NOT NULL
        """

    /// Why the approval does not allow a call; `nil` when it does.
    func defect(for tool: String, _ arguments: RawJSON, as principal: String, now: Timestamp) -> String? {
        switch decision {
        case nil: return now >= expiresAt ? "nobody approved the call in time" : "nobody has approved the call yet"
        case .deny?: return "the call was denied" + (note.map { ": \($0)" } ?? "")
        case .approve?: break
        }
        if now >= expiresAt { return "the approval came too late or has expired" }
        if isConsumed { return "the approval was used already" }
        guard self.tool == tool, self.principal == principal, digest == RunApproval.digest(of: arguments) else {
            return "the approval is for another call"
        }
        return nil
    }

    /// What an approval is bound to: the arguments without white space, the members of objects in order of their names.
    static func digest(of arguments: RawJSON) -> [UInt8] {
        var json = JSONWriter()
        do {
            write(try JSONDocument(parsing: arguments.bytes).root, to: &json)
        } catch {
            // What is no JSON is bound as it is.
            return SHA256.hash(arguments.bytes)
        }
        return SHA256.hash(json.bytes)
    }

    private static func write(_ element: JSONElement, to json: inout JSONWriter) {
        switch element.kind {
        case .object:
            json.object { json in
                for member in element.members.sorted(by: { $0.name < $1.name }) {
                    json.member(member.name) { write(member.value, to: &$0) }
                }
            }
        case .array: json.array { json in for item in element.elements { write(item, to: &json) } }
        default: json.value(element)
        }
    }
}

extension RunApproval {
    /// Reads the columns; `nil` where there is no approval.
    init?(_ reader: inout RowReader) throws {
        let tool: String? = try reader.next()
        let digest: [UInt8]? = try reader.next()
        let principal: String? = try reader.next()
        let expiresAt: Timestamp? = try reader.next()
        let decision: String? = try reader.next()
        note = try reader.next()
        decidedBy = try reader.next()
        isConsumed = try reader.next()
        guard let tool, let digest, let principal, let expiresAt else { return nil }
        self.tool = tool
        self.digest = digest
        self.principal = principal
        self.expiresAt = expiresAt
        self.decision = decision.flatMap(Decision.init)
    }
}

extension RunApproval: JSONWritable {
    /// Writes the approval as an object.
    func write(to json: inout JSONWriter) {
        json.object {
            $0.member("arguments_digest", Hex.encode(digest))
            $0.member("principal", principal)
            $0.member("expires_at", expiresAt)
            $0.member("decision", decision?.rawValue)
            $0.member("note", note)
            $0.member("decided_by", decidedBy)
            $0.member("consumed", isConsumed)
        }
    }
}
