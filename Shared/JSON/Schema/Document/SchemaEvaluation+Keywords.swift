extension SchemaEvaluation {
    /// Checks one keyword.
    mutating func check(_ keyword: SchemaKeyword, _ value: JSONElement, at pointer: String?, _ marks: inout Marks)
        -> Bool
    {
        switch keyword {
        case .never: return tell("is not allowed", at: pointer)
        case .types(let types):
            return types.contains { $0.accepts(value) }
                || tell("must be \(types.map(\.words).joined(separator: " or "))", at: pointer)
        case .values(let texts, let shown):
            let text = value.canonical
            guard spend(text.count / 16) else { return false }
            return texts.contains(text) || tell("must be one of \(shown)", at: pointer)
        case .reference(let schema): return applyInPlace(schema, to: value, at: pointer, &marks)
        case .dynamicReference(let schema, let name):
            return applyInPlace(outermost(name) ?? schema, to: value, at: pointer, &marks)
        case .all, .any, .one, .not, .condition: return checkCombination(keyword, value, at: pointer, &marks)
        default: break
        }
        switch value.kind {
        case .integer, .number: return checkNumber(keyword, value, at: pointer)
        case .string: return checkString(keyword, value, at: pointer)
        case .array: return checkArray(keyword, value, at: pointer, &marks)
        case .object: return checkObject(keyword, value, at: pointer, &marks)
        case .null, .boolean: return true
        }
    }

    /// The schema of a dynamic anchor in the outermost resource that has one of that name.
    private func outermost(_ name: String) -> Int? {
        for resource in resources {
            if let schema = document.dynamicAnchors[DynamicAnchor(resource: resource, name: name)] { return schema }
        }
        return nil
    }

    private mutating func checkNumber(_ keyword: SchemaKeyword, _ value: JSONElement, at pointer: String?) -> Bool {
        guard let number = SchemaNumber(value) else { return true }
        switch keyword {
        case .minimum(let bound): return !(number < bound) || tell("must be at least \(bound.plain)", at: pointer)
        case .maximum(let bound): return !(bound < number) || tell("must be at most \(bound.plain)", at: pointer)
        case .above(let bound): return bound < number || tell("must be greater than \(bound.plain)", at: pointer)
        case .below(let bound): return number < bound || tell("must be less than \(bound.plain)", at: pointer)
        case .multiple(let unit):
            return number.isMultiple(of: unit) || tell("must be a multiple of \(unit.plain)", at: pointer)
        default: return true
        }
    }

    private mutating func checkString(_ keyword: SchemaKeyword, _ value: JSONElement, at pointer: String?) -> Bool {
        guard let text = value.string else { return true }
        switch keyword {
        case .minimumLength(let least):
            guard spend(text.utf8.count / 16), text.unicodeScalars.count < least else { return !isExhausted }
            return tell(least == 1 ? "must not be empty" : "must have at least \(least) characters", at: pointer)
        case .maximumLength(let most):
            guard spend(text.utf8.count / 16), text.unicodeScalars.count > most else { return !isExhausted }
            return tell("must have at most \(most) characters", at: pointer)
        case .pattern(let pattern):
            return finds(pattern, in: text) || tell("must match \(pattern.source)", at: pointer)
        case .format(let format):
            return format.accepts(text) || tell("must be a valid \(format.rawValue)", at: pointer)
        default: return true
        }
    }

    private mutating func checkCombination(
        _ keyword: SchemaKeyword,
        _ value: JSONElement,
        at pointer: String?,
        _ marks: inout Marks
    ) -> Bool {
        switch keyword {
        case .all(let schemas):
            var isValid = true
            for schema in schemas where !applyInPlace(schema, to: value, at: pointer, &marks) { isValid = false }
            return isValid
        case .any(let schemas):
            var isValid = false
            for schema in schemas where fits(schema, value, &marks) {
                isValid = true
                // The others could only mark more.
                if !document.keepsMarks { break }
            }
            return isValid || tell("must match one of \(schemas.count) alternatives", at: pointer)
        case .one(let schemas):
            var count = 0
            for schema in schemas where fits(schema, value, &marks) { count += 1 }
            let message = "must match exactly one of \(schemas.count) alternatives, and matches \(count)"
            return count == 1 || tell(message, at: pointer)
        case .not(let schema):
            var none = Marks()
            return !fits(schema, value, &none) && !isExhausted || tell("must not match what is excluded", at: pointer)
        case .condition(let condition, let then, let otherwise):
            let branch = fits(condition, value, &marks) ? then : otherwise
            return branch.map { applyInPlace($0, to: value, at: pointer, &marks) } ?? true
        default: return true
        }
    }
}
