import Contracts
import JSON

/// Places in an order: 1…n without holes.
enum Place {
    static let schema = JSONSchema.integer(1...1_000_000).described("1…n; beyond the end means the end")

    /// Somebody moved or deleted what the cursor names.
    static let lostCursor = ServiceError.invalid("?cursor", "names something that is gone from here; begin again")

    static func checkRoom(in parent: String, holding count: Int, adding more: Int) throws {
        guard count + more <= Bounds.children else {
            throw ServiceError(.conflict, "the \(parent) would hold more than \(Bounds.children)")
        }
    }
}
