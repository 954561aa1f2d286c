import Contracts
import JSON

/// Something that only the caller of a tool can give.
enum InputRequest: Sendable {
    /// What callers declare that they can be asked for.
    enum Kind: String, Sendable, CaseIterable {
        case form, page, sampling, roots
    }

    /// A form that a person fills in. The schema is of an object whose members are texts, numbers, flags and choices.
    case form(String, schema: RawJSON)
    /// A page that a person visits, for what must not pass through the caller; `id` tells visits apart.
    case page(String, url: String, id: String)
    /// What the caller's own language model says to a text.
    case sampling(String, maxTokens: Int)
    /// The folders that the caller works in.
    case roots

    var kind: Kind {
        switch self {
        case .form: .form
        case .page: .page
        case .sampling: .sampling
        case .roots: .roots
        }
    }

    /// Checks an answer to it.
    ///
    /// - Throws: `ServiceError` for one that is none.
    func check(_ answer: JSONElement, called name: String) throws {
        switch self {
        case .form(_, let schema):
            guard try InputRequest.isAccepted(answer, called: name) else { return }
            let content = try answer.value("content") ?? JSONDocument(parsing: "{}").root
            let issues = try JSONSchema(parsing: JSONDocument(parsing: schema.bytes).root)
                .issues(in: content, at: "/\(name)/content")
            guard issues.isEmpty else { throw ServiceError.invalid(issues) }
        case .page: _ = try InputRequest.isAccepted(answer, called: name)
        case .sampling:
            guard answer["role"]?.string != nil, answer["content"] != nil else {
                throw ServiceError.invalid("/\(name)", "must be a message with a role and a content")
            }
        case .roots:
            guard answer["roots"]?.kind == .array else {
                throw ServiceError.invalid("/\(name)/roots", "must be an array")
            }
        }
    }

    /// Whether a person has agreed.
    private static func isAccepted(_ answer: JSONElement, called name: String) throws(ServiceError) -> Bool {
        switch answer["action"]?.string {
        case "accept": return true
        case "decline", "cancel": return false
        default: throw ServiceError.invalid("/\(name)/action", "must be accept, decline or cancel")
        }
    }
}

/// A call cannot go on before its caller has answered this, by the names that the tool gives its questions.
struct InputRequired: Error {
    let requests: [String: InputRequest]
}
