/// The patterns of a router as a tree of path segments.
struct RouteTree: Sendable {
    enum Key: Sendable, Hashable {
        case method(Method)
        case webSocket
    }

    struct Entry: Sendable {
        let key: Key
        let route: Route
    }

    enum Match {
        case none
        case malformed
        case found([Entry], values: [String])
    }

    private struct Node: Sendable {
        var literals: [(segment: [UInt8], node: Int)] = []
        var place: Int?
        var rest: Int?
        var entries: [Entry] = []
    }

    private var nodes = [Node()]

    mutating func add(_ pattern: String, _ makeEntry: ([String]) -> Entry) {
        precondition(pattern.hasPrefix("/"), "a pattern starts with a slash: \(pattern)")
        var node = 0
        var names: [String] = []
        let segments = pattern.utf8.dropFirst().split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
        for (index, segment) in segments.enumerated() {
            guard segment.first == UInt8(ascii: "{"), segment.last == UInt8(ascii: "}") else {
                node = literal(Array(segment), under: node)
                continue
            }
            let name = String(decoding: segment.dropFirst().dropLast(), as: UTF8.self)
            if name.hasSuffix("...") {
                precondition(index == segments.count - 1, "{name...} ends a pattern: \(pattern)")
                names.append(String(name.dropLast(3)))
                node = child(nodes[node].rest, under: node) { $0.rest = $1 }
            } else {
                names.append(name)
                node = child(nodes[node].place, under: node) { $0.place = $1 }
            }
        }
        precondition(Set(names).count == names.count, "a pattern's names differ: \(pattern)")
        let entry = makeEntry(names)
        precondition(!nodes[node].entries.contains { $0.key == entry.key }, "two routes are the same: \(pattern)")
        nodes[node].entries.append(entry)
    }

    private mutating func literal(_ segment: [UInt8], under node: Int) -> Int {
        if let known = nodes[node].literals.first(where: { $0.segment == segment }) { return known.node }
        nodes.append(Node())
        nodes[node].literals.append((segment, nodes.count - 1))
        return nodes.count - 1
    }

    private mutating func child(_ known: Int?, under node: Int, _ link: (inout Node, Int) -> Void) -> Int {
        if let known { return known }
        nodes.append(Node())
        link(&nodes[node], nodes.count - 1)
        return nodes.count - 1
    }

    func find(_ path: ArraySlice<UInt8>) -> Match {
        var places: [ArraySlice<UInt8>] = []
        guard let node = walk(0, path.dropFirst(), &places) else { return .none }
        var values: [String] = []
        for place in places {
            guard let value = PercentEncoding.decode(place) else { return .malformed }
            values.append(value)
        }
        return .found(nodes[node].entries, values: values)
    }

    /// The node that `rest` leads to from `node`; what stands in its places is left in `places`.
    private func walk(_ node: Int, _ rest: ArraySlice<UInt8>, _ places: inout [ArraySlice<UInt8>]) -> Int? {
        var end = rest.startIndex
        while end < rest.endIndex, rest[end] != UInt8(ascii: "/") { end += 1 }
        let segment = rest[..<end]
        func go(_ next: Int) -> Int? {
            if end < rest.endIndex { return walk(next, rest[(end + 1)...], &places) }
            return nodes[next].entries.isEmpty ? nil : next
        }
        for literal in nodes[node].literals where literal.segment.elementsEqual(segment) {
            if let found = go(literal.node) { return found }
        }
        if let place = nodes[node].place, !segment.isEmpty {
            places.append(segment)
            if let found = go(place) { return found }
            places.removeLast()
        }
        guard let last = nodes[node].rest else { return nil }
        places.append(rest)
        return last
    }
}
