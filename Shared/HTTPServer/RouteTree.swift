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
        case found(node: Int, values: [String])
    }

    /// Nodes and edges are numbers and lie flat, so that a walk counts no references.
    private struct Node: Sendable {
        /// The first of the edges to literal segments.
        var literal: Int?
        var place: Int?
        var rest: Int?
        var isEnd = false
    }

    private struct Edge: Sendable {
        /// Where in `segments`.
        let segment: Range<Int>
        let node: Int
        var next: Int?
    }

    private var nodes = [Node()]
    private var edges: [Edge] = []
    private var segments: [UInt8] = []
    /// What each node leads to.
    private(set) var entries: [[Entry]] = [[]]

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
        precondition(!entries[node].contains { $0.key == entry.key }, "two routes are the same: \(pattern)")
        entries[node].append(entry)
        nodes[node].isEnd = true
    }

    private mutating func literal(_ segment: [UInt8], under node: Int) -> Int {
        var last: Int?
        var edge = nodes[node].literal
        while let current = edge {
            if segments[edges[current].segment].elementsEqual(segment) { return edges[current].node }
            last = current
            edge = edges[current].next
        }
        let start = segments.count
        segments.append(contentsOf: segment)
        edges.append(Edge(segment: start..<segments.count, node: addNode(), next: nil))
        if let last { edges[last].next = edges.count - 1 } else { nodes[node].literal = edges.count - 1 }
        return nodes.count - 1
    }

    private mutating func child(_ known: Int?, under node: Int, _ link: (inout Node, Int) -> Void) -> Int {
        if let known { return known }
        let added = addNode()
        link(&nodes[node], added)
        return added
    }

    private mutating func addNode() -> Int {
        nodes.append(Node())
        entries.append([])
        return nodes.count - 1
    }

    /// Finds the node of a path, which is a part of `bytes`.
    func find(_ bytes: [UInt8], _ path: Range<Int>) -> Match {
        var places: [Range<Int>] = []
        guard !path.isEmpty, let node = walk(0, bytes, path.dropFirst(), &places) else { return .none }
        var values: [String] = []
        for place in places {
            guard let value = PercentEncoding.decode(bytes[place]) else { return .malformed }
            values.append(value)
        }
        return .found(node: node, values: values)
    }

    /// The node that `rest` leads to from `node`; what stands in its places is left in `places`.
    private func walk(_ node: Int, _ bytes: [UInt8], _ rest: Range<Int>, _ places: inout [Range<Int>]) -> Int? {
        var end = rest.lowerBound
        while end < rest.upperBound, bytes[end] != UInt8(ascii: "/") { end += 1 }
        let segment = rest.lowerBound..<end
        func go(_ next: Int) -> Int? {
            if end < rest.upperBound { return walk(next, bytes, (end + 1)..<rest.upperBound, &places) }
            return nodes[next].isEnd ? next : nil
        }
        var edge = nodes[node].literal
        while let current = edge {
            if isSame(edges[current].segment, bytes, segment), let found = go(edges[current].node) { return found }
            edge = edges[current].next
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

    private func isSame(_ literal: Range<Int>, _ bytes: [UInt8], _ segment: Range<Int>) -> Bool {
        guard literal.count == segment.count else { return false }
        for offset in 0..<literal.count
        where segments[literal.lowerBound + offset] != bytes[segment.lowerBound + offset] { return false }
        return true
    }
}
