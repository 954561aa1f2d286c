import Contracts
import JSON
import Kernel

/// What a client says.
enum ClientMessage: Sendable {
    /// A context it wants to watch, and from where.
    struct Wish: Sendable {
        let context: ContextID
        let cursor: String?
    }

    case hello(token: Secret<String>)
    case auth(id: String?, token: Secret<String>)
    case subscribe(id: String?, [Wish], Subscription.Mode, snapshot: Bool)
    case unsubscribe(id: String?, [ContextID])
    case ping(time: JSONElement?)

    /// Reads a message.
    init(parsing bytes: [UInt8]) throws(ProtocolError) {
        let root: JSONElement
        do {
            root = try JSONDocument(parsing: bytes).root
        } catch {
            throw ProtocolError("INVALID_JSON", "the message is not valid JSON: \(error)")
        }
        guard root.kind == .object, let type = root["type"]?.string else {
            throw ProtocolError("VALIDATION_FAILED", "a message is an object with a type")
        }
        let id = try ClientMessage.id(root)
        func token() throws(ProtocolError) -> Secret<String> {
            guard let token = root["token"]?.string, (1...8192).contains(token.utf8.count) else {
                throw ProtocolError("VALIDATION_FAILED", "\(type) needs a token", id: id)
            }
            return Secret(token)
        }
        switch type {
        case "hello": self = .hello(token: try token())
        case "auth": self = .auth(id: id, token: try token())
        case "ping": self = .ping(time: root["t"])
        case "subscribe": self = try ClientMessage.subscribe(root, id)
        case "unsubscribe":
            var contexts: [ContextID] = []
            for element in root["contexts"]?.elements.map({ $0 }) ?? [] {
                contexts.append(try ClientMessage.context(element, id))
            }
            self = .unsubscribe(id: id, contexts)
        default:
            throw ProtocolError("UNKNOWN_TYPE", "no such message type", id: id, action: "ignore")
        }
    }

    private static func subscribe(_ root: JSONElement, _ id: String?) throws(ProtocolError) -> ClientMessage {
        guard let contexts = root["contexts"], contexts.kind == .array, contexts.elements.contains(where: { _ in true })
        else { throw ProtocolError("VALIDATION_FAILED", "subscribe needs contexts", id: id) }
        let wanted = root.value("mode")
        guard let mode = wanted == nil ? .all : wanted?.string.flatMap(Subscription.Mode.init(rawValue:)) else {
            throw ProtocolError("VALIDATION_FAILED", "mode is all or latest", id: id)
        }
        if let snapshot = root.value("snapshot"), snapshot.bool == nil {
            throw ProtocolError("VALIDATION_FAILED", "snapshot is true or false", id: id)
        }
        var wishes: [Wish] = []
        for element in contexts.elements {
            let context = try ClientMessage.context(element["context_id"] ?? element, id)
            if let cursor = element.value("cursor"), cursor.string == nil {
                throw ProtocolError("VALIDATION_FAILED", "a cursor is a string", id: id, context: context.description)
            }
            wishes.append(Wish(context: context, cursor: element.value("cursor")?.string))
        }
        return .subscribe(id: id, wishes, mode, snapshot: root.value("snapshot")?.bool ?? true)
    }

    private static func id(_ root: JSONElement) throws(ProtocolError) -> String? {
        guard let id = root.value("id") else { return nil }
        guard let text = id.string, text.utf8.count <= 128 else {
            throw ProtocolError("VALIDATION_FAILED", "an id is a string of at most 128 bytes")
        }
        return text
    }

    private static func context(_ element: JSONElement, _ id: String?) throws(ProtocolError) -> ContextID {
        guard let text = element.string, let context = ContextID(text) else {
            throw ProtocolError(
                "INVALID_CONTEXT",
                "a context_id is an id, card:, job:, project:, queue:, thread:, run: or all",
                id: id
            )
        }
        return context
    }
}

/// What is wrong with a message; the connection stays.
struct ProtocolError: Error, Sendable {
    let code: String
    let message: String
    let id: String?
    let context: String?
    let isRetryable: Bool
    let action: String

    init(
        _ code: String,
        _ message: String,
        id: String? = nil,
        context: String? = nil,
        retryable: Bool = false,
        action: String = "fix_message"
    ) {
        self.code = code
        self.message = message
        self.id = id
        self.context = context
        isRetryable = retryable
        self.action = action
    }
}
