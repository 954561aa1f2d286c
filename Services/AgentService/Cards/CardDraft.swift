import Contracts
import JSON
import Kernel

/// A card that somebody asks for.
struct CardDraft: Sendable {
    let id: CardID
    let title: String
    let prompt: String?
    let params: RawJSON

    static let schema = JSONSchema.object([
        .required("title", .string(Bounds.title)), .optional("prompt", .string(Bounds.text)),
        .optional("params", .anyObject.described("defaults of the params of the card's jobs; at most 64 KiB")),
    ])

    /// Reads an object that fits the schema and stands at `pointer` of the body.
    init(_ body: JSONElement, at pointer: String = "") throws {
        id = IdentifierSource().next()
        title = body["title"]?.string ?? ""
        prompt = body.value("prompt")?.string
        params = try Bounds.object("params", in: body, at: "\(pointer)/params") ?? .emptyObject
    }

    /// The `cards` of a body.
    static func list(_ body: JSONElement) throws -> [CardDraft] {
        let elements = body.value("cards")?.elements.enumerated().map { $0 } ?? []
        return try elements.map { try CardDraft($0.element, at: "/cards/\($0.offset)") }
    }
}
