import Contracts
import JSON

/// How large things may be.
enum Bounds {
    /// Characters of a title.
    static let title = 1...255
    /// Characters of a description, a prompt or a note.
    static let text = 1...20_000
    /// Bytes of an object that is kept for others, as JSON without white space.
    static let objectBytes = 64 << 10
    /// Activities of a project, and cards of an activity.
    static let children = 1_000
    /// Cards that are made together with their activity.
    static let cardsAtOnce = 200

    /// The object at a member of the body, if it is given.
    ///
    /// - Throws: `VALIDATION_FAILED` for one that is too large.
    static func object(_ name: String, in body: JSONElement, at pointer: String? = nil) throws -> RawJSON? {
        guard let raw = body.value(name)?.raw else { return nil }
        guard raw.bytes.count <= objectBytes else {
            throw ServiceError.invalid(pointer ?? "/\(name)", "must have at most \(objectBytes) bytes")
        }
        return raw
    }
}
