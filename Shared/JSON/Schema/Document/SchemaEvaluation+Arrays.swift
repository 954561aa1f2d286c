extension SchemaEvaluation {
    mutating func checkArray(_ keyword: SchemaKeyword, _ value: JSONElement, at pointer: String?, _ marks: inout Marks)
        -> Bool
    {
        switch keyword {
        case .minimumCount(let least):
            return count(value) >= least || tell("must have at least \(least) elements", at: pointer)
        case .maximumCount(let most):
            return count(value) <= most || tell("must have at most \(most) elements", at: pointer)
        case .unique:
            var seen: Set<[UInt8]> = []
            for element in value.elements {
                let text = element.canonical
                guard spend(1 + text.count / 16) else { return false }
                if !seen.insert(text).inserted { return tell("must not have an element twice", at: pointer) }
            }
            return true
        case .elements(let first, let rest):
            return checkElements(value, at: pointer, &marks) { place, _ in place < first.count ? first[place] : rest }
        case .unevaluatedElements(let schema):
            return checkElements(value, at: pointer, &marks) { place, marks in marks.has(place) ? nil : schema }
        case .contains(let schema, let least, let most):
            return checkContains(schema, least, most, value, at: pointer, &marks)
        default: return true
        }
    }

    /// Applies to each element the schema that is chosen for its place, and marks it.
    private mutating func checkElements(
        _ value: JSONElement,
        at pointer: String?,
        _ marks: inout Marks,
        _ choose: (Int, Marks) -> Int?
    ) -> Bool {
        var isValid = true
        for (place, element) in value.elements.enumerated() {
            guard spend(1) else { return false }
            guard let schema = choose(place, marks) else { continue }
            if !applyWithin(schema, to: element, at: pointer.map { "\($0)/\(place)" }) {
                isValid = false
                if isDone { return false }
            }
            if document.keepsMarks { marks.places.insert(place) }
        }
        return isValid
    }

    private mutating func checkContains(
        _ schema: Int,
        _ least: Int,
        _ most: Int,
        _ value: JSONElement,
        at pointer: String?,
        _ marks: inout Marks
    ) -> Bool {
        var count = 0
        for (place, element) in value.elements.enumerated() {
            var none = Marks()
            guard fits(schema, element, &none) else {
                if isExhausted { return false }
                continue
            }
            count += 1
            if document.keepsMarks { marks.places.insert(place) }
        }
        guard count >= least else { return tell("must have at least \(least) elements of a kind", at: pointer) }
        return count <= most || tell("must have at most \(most) elements of a kind", at: pointer)
    }

    private mutating func count(_ value: JSONElement) -> Int {
        spendLook(through: value) ? value.elements.reduce(0) { count, _ in count + 1 } : 0
    }
}
