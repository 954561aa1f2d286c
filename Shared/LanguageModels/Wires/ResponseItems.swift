import JSON

/// Tells which item of a response an event belongs to.
///
/// OpenAI's events name an item by its id and by its place in the output. Other servers leave out either, or give one
/// item several ids: what is known wins, and an event that names nothing belongs to the item in progress.
struct ResponseItems: Sendable {
    /// The number of an item, from 0, in the order in which they begin.
    typealias Number = Int

    private var byID: [String: Number] = [:]
    private var byPlace: [Int: Number] = [:]
    private var count = 0

    var isEmpty: Bool { count == 0 }

    /// The item of an event that begins one, which then need not name it.
    mutating func begin(_ event: JSONElement) -> Number {
        let (id, place) = names(event)
        return id == nil && place == nil ? new() : number(event)
    }

    /// The item of an event.
    mutating func number(_ event: JSONElement) -> Number {
        let (id, place) = names(event)
        let known = id.flatMap { byID[$0] } ?? place.flatMap { byPlace[$0] }
        let isNamed = id != nil || place != nil
        let number = known ?? (isNamed || isEmpty ? new() : count - 1)
        if let id { byID[id] = number }
        if let place { byPlace[place] = number }
        return number
    }

    private mutating func new() -> Number {
        count += 1
        return count - 1
    }

    private func names(_ event: JSONElement) -> (id: String?, place: Int?) {
        let item = event["item"] ?? .null
        let id = event.value("item_id") ?? item.value("id") ?? item.value("call_id")
        return (id?.string, event.value("output_index")?.int)
    }
}
