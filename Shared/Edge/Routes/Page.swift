import Contracts
public import JSON
public import Kernel

/// A part of a list that is ordered by id.
public struct Page: Sendable {
    /// How many items at most.
    public let limit: Int
    /// The last item of the page before.
    public let after: UUID?

    init(limit: Int?, cursor: String?) throws {
        self.limit = limit ?? 50
        guard let cursor else {
            after = nil
            return
        }
        guard let bytes = Base64URL.decode(cursor), bytes.count == 16 else {
            throw ServiceError.invalid("?cursor", "is not a cursor of this list")
        }
        func half(_ bytes: ArraySlice<UInt8>) -> UInt64 { bytes.reduce(0) { $0 << 8 | UInt64($1) } }
        after = UUID(high: half(bytes[..<8]), low: half(bytes[8...]))
    }

    /// The answer to a list: `items`, of which one more than `limit` was read, and the cursor of the next page.
    public func reply<Item: JSONWritable>(_ items: [Item], id: (Item) -> UUID) -> Reply {
        let shown = items.prefix(limit)
        let cursor = items.count > limit ? shown.last.map { Base64URL.encode(id($0).bytes) } : nil
        return .json { json in
            json.object {
                $0.member("items", Array(shown))
                $0.member("next_cursor", cursor)
            }
        }
    }
}
