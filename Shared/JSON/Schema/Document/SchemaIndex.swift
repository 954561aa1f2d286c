/// What is where in a schema document: its resources, its anchors, and to which resource each schema belongs.
struct SchemaIndex {
    /// A name within a resource.
    struct Anchor: Hashable {
        let resource: String
        let name: String
    }

    private let limits: SchemaLimits
    private(set) var resources: [String: JSONElement] = [:]
    private(set) var anchors: [Anchor: JSONElement] = [:]
    private(set) var dynamicAnchors: [Anchor: JSONElement] = [:]
    /// Where each schema is, by its place on the tape.
    private var places: [Int: Place] = [:]

    /// Where a schema is.
    struct Place {
        /// The resource it belongs to.
        let resource: String
        /// From the document's root, as a JSON pointer.
        let pointer: String
    }

    init(_ root: JSONElement, limits: SchemaLimits) throws(JSONSchemaError) {
        self.limits = limits
        resources[""] = root
        try walk(root, Place(resource: "", pointer: ""), depth: 0)
    }

    /// Where a schema is that has been walked.
    func place(of schema: JSONElement) -> Place { places[schema.index] ?? Place(resource: "", pointer: "") }

    /// Notes a schema and those in it.
    private mutating func walk(_ schema: JSONElement, _ place: Place, depth: Int) throws(JSONSchemaError) {
        guard places[schema.index] == nil else { return }
        guard depth <= limits.depth else {
            let message = "has more than \(limits.depth) schemas in one another"
            throw JSONSchemaError(.tooDeep, pointer: place.pointer, message: message)
        }
        guard places.count < limits.subschemas else {
            let message = "has more than \(limits.subschemas) schemas"
            throw JSONSchemaError(.tooManySubschemas, pointer: place.pointer, message: message)
        }
        let resource = try enter(schema, place)
        places[schema.index] = Place(resource: resource, pointer: place.pointer)
        for keyword in ["$anchor", "$dynamicAnchor"] {
            guard let name = schema[keyword]?.string else { continue }
            let anchor = Anchor(resource: resource, name: name)
            anchors[anchor] = schema
            if keyword == "$dynamicAnchor" { dynamicAnchors[anchor] = schema }
        }
        for member in schema.members {
            let pointer = JSONPointer.appending(member.name, to: place.pointer)
            for (name, inner) in SchemaIndex.schemas(in: member) {
                let pointer = name.map { JSONPointer.appending($0, to: pointer) } ?? pointer
                try walk(inner, Place(resource: resource, pointer: pointer), depth: depth + 1)
            }
        }
    }

    /// The resource that a schema belongs to, which it may begin itself.
    private mutating func enter(_ schema: JSONElement, _ place: Place) throws(JSONSchemaError) -> String {
        guard let id = schema["$id"]?.string else { return place.resource }
        let uri = SchemaURI(id).resolved(against: SchemaURI(place.resource))
        guard (uri.fragment ?? "").isEmpty else {
            throw JSONSchemaError(pointer: "\(place.pointer)/$id", message: "must have no fragment")
        }
        guard resources.updateValue(schema, forKey: uri.resource).map({ $0.index == schema.index }) ?? true else {
            throw JSONSchemaError(pointer: "\(place.pointer)/$id", message: "stands there twice")
        }
        return uri.resource
    }

    /// The schemas that stand in a keyword's value, with their names or numbers in it.
    private static func schemas(in member: JSONElement.Members.Member) -> [(name: String?, schema: JSONElement)] {
        let value = member.value
        switch member.name {
        case "items", "additionalProperties", "unevaluatedItems", "unevaluatedProperties", "contains", "propertyNames",
            "not", "if", "then", "else", "contentSchema":
            return [(nil, value)]
        case "allOf", "anyOf", "oneOf", "prefixItems":
            return value.elements.enumerated().map { ("\($0.offset)", $0.element) }
        case "$defs", "definitions", "properties", "patternProperties", "dependentSchemas":
            return value.members.map { ($0.name, $0.value) }
        default: return []
        }
    }
}

extension SchemaIndex {
    /// The schema that a reference names, from within a resource.
    mutating func resolve(_ reference: String, in resource: String) throws(JSONSchemaError) -> JSONElement {
        let uri = SchemaURI(reference).resolved(against: SchemaURI(resource))
        guard let root = resources[uri.resource] else {
            throw JSONSchemaError(
                .unresolvedReference,
                message: "names a schema that is not in this document, and nothing is fetched"
            )
        }
        let missing = JSONSchemaError(.unresolvedReference, message: "names what is not there")
        guard let fragment = SchemaURI.decoded(uri.fragment ?? "") else { throw missing }
        guard !fragment.isEmpty else { return root }
        guard fragment.hasPrefix("/") else {
            guard let schema = anchors[Anchor(resource: uri.resource, name: fragment)] else { throw missing }
            return schema
        }
        var (place, owner) = (root, uri.resource)
        let start = self.place(of: root).pointer
        for step in fragment.split(separator: "/", omittingEmptySubsequences: false).dropFirst() {
            let name = String(step).replacing("~1", with: "/").replacing("~0", with: "~")
            let next: JSONElement? =
                place.kind == .array
                ? Int(name)
                    .flatMap { index in
                        index >= 0 ? place.elements.dropFirst(index).first { _ in true } : nil
                    }
                : place[name]
            guard let next else { throw missing }
            place = next
            owner = places[place.index]?.resource ?? owner
        }
        // It may stand where no keyword leads.
        try walk(place, Place(resource: owner, pointer: start + fragment), depth: 0)
        return place
    }
}
