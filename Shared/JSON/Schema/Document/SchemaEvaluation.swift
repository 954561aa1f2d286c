/// One check of a value against a document.
struct SchemaEvaluation {
    /// Which members or elements of a value were looked at by schemas that accept it.
    struct Marks {
        var places: Set<Int> = []

        func has(_ place: Int) -> Bool { places.contains(place) }
    }

    let document: SchemaDocument
    private let limit: Int
    private(set) var issues: [JSONIssue] = []
    private(set) var steps: Int
    private var nesting = 0
    /// Inside of what only asks whether a schema fits, mistakes are not told.
    private var silence = 0
    /// The resources that led here, the outermost first.
    private(set) var resources: [Int] = []
    private(set) var isExhausted = false

    init(_ document: SchemaDocument, limit: Int) {
        self.document = document
        self.limit = limit
        steps = document.limits.steps
    }

    mutating func accepts(_ value: JSONElement, at pointer: String?) -> Bool {
        var marks = Marks()
        let isValid = apply(0, to: value, at: pointer, &marks)
        guard isExhausted else { return isValid }
        issues = Array(issues.prefix(max(limit - 1, 0)))
        issues.append(JSONIssue(pointer: pointer ?? "", message: "takes too long to check against the schema"))
        return false
    }

    /// Applies a schema. Marks what it has looked at, which counts only if it accepts the value.
    mutating func apply(_ number: Int, to value: JSONElement, at pointer: String?, _ marks: inout Marks) -> Bool {
        guard spend(1), nesting < document.limits.nesting else {
            isExhausted = true
            return false
        }
        nesting += 1
        defer { nesting -= 1 }
        let node = document.nodes[number]
        let isEntering = node.resource != resources.last
        if isEntering { resources.append(node.resource) }
        defer { if isEntering { resources.removeLast() } }
        var isValid = true
        for keyword in node.keywords where !check(keyword, value, at: pointer, &marks) {
            isValid = false
            if isDone { return false }
        }
        return isValid
    }

    /// Applies a schema to a member or an element, whose own marks concern nobody else.
    mutating func applyWithin(_ number: Int, to value: JSONElement, at pointer: String?) -> Bool {
        var marks = Marks()
        return apply(number, to: value, at: pointer, &marks)
    }

    /// Applies a schema to the same value, and takes over its marks if it accepts it.
    mutating func applyInPlace(_ number: Int, to value: JSONElement, at pointer: String?, _ marks: inout Marks) -> Bool
    {
        var own = Marks()
        guard apply(number, to: value, at: pointer, &own) else { return false }
        if document.keepsMarks { marks.places.formUnion(own.places) }
        return true
    }

    /// Whether a schema accepts a value, without a word about why not.
    mutating func fits(_ number: Int, _ value: JSONElement, _ marks: inout Marks) -> Bool {
        silence += 1
        defer { silence -= 1 }
        return applyInPlace(number, to: value, at: nil, &marks)
    }

    /// Whether nobody asks for further mistakes.
    var isDone: Bool { silence > 0 || issues.count >= limit || isExhausted }

    /// Takes steps, and says whether they were left.
    mutating func spend(_ count: Int) -> Bool {
        steps -= count
        if steps < 0 { isExhausted = true }
        return !isExhausted
    }

    /// Takes the steps of looking through a container once.
    mutating func spendLook(through value: JSONElement) -> Bool {
        spend(1 + (value.tape.next(after: value.index) - value.index) / 32)
    }

    /// Takes the steps of a search.
    mutating func finds(_ pattern: JSONPattern, in text: String) -> Bool {
        var states = steps >= Int.max / 16 ? Int.max : steps * 16
        let isFound = pattern.matches(text, steps: &states)
        steps = states < 0 ? -1 : states / 16
        return spend(1) && isFound
    }

    /// Tells a mistake; `false`, for the keyword that found it.
    mutating func tell(_ message: @autoclosure () -> String, at pointer: String?) -> Bool {
        if silence == 0, issues.count < limit { issues.append(JSONIssue(pointer: pointer ?? "", message: message())) }
        return false
    }
}
