import Contracts
import HTTPServer
import JSON

/// What a worker says on its stream.
enum WorkerStreamMessage: Sendable {
    /// It can take so many leases more.
    case credit(Int)
    case heartbeat(id: String, JSONElement)
    case verb(id: String, WorkerVerb, JSONElement)

    /// Reads a message.
    ///
    /// - Throws: `WorkerStreamRefusal`, with the message's id when it has one.
    init(parsing bytes: [UInt8], _ routes: WorkerRoutes, _ verbs: [String: WorkerVerb]) throws(WorkerStreamRefusal) {
        let root: JSONElement
        do {
            root = try JSONDocument(parsing: bytes).root
        } catch {
            throw WorkerStreamRefusal(nil, ServiceError(.invalidJSON, "the message is not valid JSON: \(error)"))
        }
        let type = root["type"]?.string ?? ""
        if type == "credit" {
            try WorkerStreamMessage.check(root, [.required("grant", .integer(1...WorkerStream.maximumCredit))])
            self = .credit(root["grant"]?.int ?? 0)
            return
        }
        let id: JSONSchema.Property = .required("id", .string(1...128))
        if type == "heartbeat" {
            try WorkerStreamMessage.check(root, [id] + routes.heartbeatFields)
            self = .heartbeat(id: root["id"]?.string ?? "", root)
        } else if let verb = verbs[type] {
            try WorkerStreamMessage.check(root, [id, .required("items", verb.items)])
            self = .verb(id: root["id"]?.string ?? "", verb, root)
        } else {
            throw WorkerStreamRefusal(root["id"]?.string, .invalid("/type", "is not a type of message"))
        }
    }

    private static func check(_ root: JSONElement, _ fields: [JSONSchema.Property]) throws(WorkerStreamRefusal) {
        let issues = JSONSchema.object([.required("type", .string(1...50))] + fields).issues(in: root)
        guard issues.isEmpty else { throw WorkerStreamRefusal(root["id"]?.string, .invalid(issues)) }
    }
}

/// Why a message was not worked off; the stream goes on.
struct WorkerStreamRefusal: Error {
    let id: String?
    let error: ServiceError

    init(_ id: String?, _ error: ServiceError) {
        self.id = id
        self.error = error
    }

    /// What the worker is sent.
    var frame: WebSocketFrame {
        WorkerStream.frame("error") {
            if let id { $0.member("id", id) }
            $0.member("code", error.code.description)
            $0.member("message", error.message)
            $0.member("retryable", error.code.isRetryable)
        }
    }
}
