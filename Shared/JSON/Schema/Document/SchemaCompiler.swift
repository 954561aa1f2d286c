/// Turns a document into nodes: each schema that can be reached, once.
struct SchemaCompiler {
    private var index: SchemaIndex
    private let limits: SchemaLimits
    private(set) var nodes: [SchemaNode?] = []
    private var numbers: [Int: Int] = [:]
    private var waiting: [(schema: JSONElement, number: Int)] = []
    private var resources: [String: Int] = [:]
    let isStrict: Bool

    init(_ root: JSONElement, limits: SchemaLimits, isStrict: Bool) throws(JSONSchemaError) {
        self.limits = limits
        self.isStrict = isStrict
        index = try SchemaIndex(root, limits: limits)
        _ = number(of: root)
        // Whatever may be reached by a dynamic reference.
        for schema in index.dynamicAnchors.values { _ = number(of: schema) }
        while let (schema, number) = waiting.popLast() { nodes[number] = try compile(schema) }
        try refuseCycles()
    }

    /// The nodes of dynamic anchors, by the number of their resource and their name.
    var dynamicAnchors: [DynamicAnchor: Int] {
        var anchors: [DynamicAnchor: Int] = [:]
        for (anchor, schema) in index.dynamicAnchors {
            guard let resource = resources[anchor.resource] else { continue }
            anchors[DynamicAnchor(resource: resource, name: anchor.name)] = numbers[schema.index]
        }
        return anchors
    }

    /// The number of a schema's node, which is compiled in its turn.
    mutating func number(of schema: JSONElement) -> Int {
        if let number = numbers[schema.index] { return number }
        let number = nodes.count
        numbers[schema.index] = number
        nodes.append(nil)
        waiting.append((schema, number))
        return number
    }

    /// The schema that a reference in another one names.
    mutating func target(of reference: String, in schema: JSONElement) throws(JSONSchemaError) -> JSONElement {
        try index.resolve(reference, in: index.place(of: schema).resource)
    }

    /// Whether a schema is a dynamic anchor of that name.
    func isDynamicAnchor(_ schema: JSONElement, _ name: String) -> Bool {
        index.dynamicAnchors[SchemaIndex.Anchor(resource: index.place(of: schema).resource, name: name)]?.index
            == schema.index
    }

    private mutating func compile(_ schema: JSONElement) throws(JSONSchemaError) -> SchemaNode {
        let place = index.place(of: schema)
        let resource = resources[place.resource] ?? resources.count
        resources[place.resource] = resource
        if let flag = schema.bool { return SchemaNode(resource: resource, keywords: flag ? [] : [.never]) }
        guard schema.kind == .object else {
            throw JSONSchemaError(pointer: place.pointer, message: "must be an object or a boolean")
        }
        do { try SchemaDialect.check(schema) } catch { throw error.under(place.pointer) }
        var keywords: [SchemaKeyword] = []
        for member in schema.members {
            do {
                if let keyword = try keyword(member.name, member.value, in: schema) { keywords.append(keyword) }
            } catch {
                throw error.under(JSONPointer.appending(member.name, to: place.pointer))
            }
        }
        let asking = keywords.filter(\.asksForMarks)
        return SchemaNode(resource: resource, keywords: keywords.filter { !$0.asksForMarks } + asking)
    }

    /// A schema that leads back to itself without going on to a member or an element would be applied without end.
    private func refuseCycles() throws(JSONSchemaError) {
        enum Visit { case fresh, open, done }
        var visits = Array(repeating: Visit.fresh, count: nodes.count)
        for start in nodes.indices where visits[start] == .fresh {
            var path: [(node: Int, rest: ArraySlice<Int>)] = []
            func enter(_ node: Int) {
                visits[node] = .open
                path.append((node, nodes[node]?.keywords.flatMap(\.inPlace)[...] ?? []))
            }
            enter(start)
            while let last = path.indices.last {
                guard let next = path[last].rest.popFirst() else {
                    visits[path[last].node] = .done
                    path.removeLast()
                    continue
                }
                switch visits[next] {
                case .fresh: enter(next)
                case .open:
                    throw JSONSchemaError(.referenceCycle, message: "refers to itself without end")
                case .done: break
                }
            }
        }
    }
}

/// A dynamic anchor: a name in a resource.
struct DynamicAnchor: Hashable, Sendable {
    let resource: Int
    let name: String
}
