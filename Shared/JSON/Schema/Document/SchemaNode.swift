/// A schema as it is applied. Nodes name one another by number, so that a schema may refer to itself.
struct SchemaNode: Sendable {
    /// The resource it belongs to, by number: what `$dynamicRef` goes back through.
    let resource: Int
    /// In the order in which they are applied: as written, but what asks for the marks of others comes last.
    let keywords: [SchemaKeyword]

    /// Whether it is the schema `false`.
    var isNever: Bool {
        if keywords.count == 1, case .never = keywords[0] { true } else { false }
    }
}

/// A keyword with its value, or several that mean something only together.
enum SchemaKeyword: Sendable {
    /// What the schema `false` says.
    case never
    case types([JSONSchema.ValueType])
    /// `enum` and `const`: canonical texts, and how they are shown.
    case values(Set<[UInt8]>, shown: String)

    case minimum(SchemaNumber), maximum(SchemaNumber), above(SchemaNumber), below(SchemaNumber)
    case multiple(SchemaNumber)
    case minimumLength(Int), maximumLength(Int)
    case pattern(JSONPattern)
    case format(JSONFormat)
    case minimumCount(Int), maximumCount(Int), unique
    case minimumMembers(Int), maximumMembers(Int)
    case required([String])
    case dependentRequired([(name: String, others: [String])])

    case reference(Int)
    /// To a dynamic anchor of that name: the outermost resource that has one decides.
    case dynamicReference(Int, name: String)
    case all([Int]), any([Int]), one([Int]), not(Int)
    case condition(Int, then: Int?, otherwise: Int?)
    case dependentSchemas([(name: String, schema: Int)])

    case members(named: [String: Int], matching: [(JSONPattern, Int)], others: Int?)
    case names(Int)
    case elements(first: [Int], rest: Int?)
    case contains(Int, least: Int, most: Int)

    case unevaluatedMembers(Int)
    case unevaluatedElements(Int)

    /// The schemas that are applied to the very same value.
    var inPlace: [Int] {
        switch self {
        case .reference(let schema), .not(let schema): [schema]
        case .all(let schemas), .any(let schemas), .one(let schemas): schemas
        case .condition(let schema, let then, let otherwise): [schema] + [then, otherwise].compactMap { $0 }
        case .dependentSchemas(let schemas): schemas.map(\.schema)
        default: []
        }
    }

    /// Whether it asks which members or elements others have looked at.
    var asksForMarks: Bool {
        switch self {
        case .unevaluatedMembers, .unevaluatedElements: true
        default: false
        }
    }
}
