extension SchemaEvaluation {
    mutating func checkObject(_ keyword: SchemaKeyword, _ value: JSONElement, at pointer: String?, _ marks: inout Marks)
        -> Bool
    {
        switch keyword {
        case .minimumMembers(let least):
            return count(value) >= least || tell("must have at least \(least) members", at: pointer)
        case .maximumMembers(let most):
            return count(value) <= most || tell("must have at most \(most) members", at: pointer)
        case .required(let names): return require(names, of: value, at: pointer)
        case .dependentRequired(let dependencies):
            var isValid = true
            for (name, others) in dependencies where has(name, value) && !require(others, of: value, at: pointer) {
                isValid = false
            }
            return isValid
        case .dependentSchemas(let dependencies):
            var isValid = true
            for (name, schema) in dependencies
            where has(name, value) && !applyInPlace(schema, to: value, at: pointer, &marks) {
                isValid = false
            }
            return isValid
        case .members(let named, let matching, let others):
            return checkMembers(named, matching, others, value, at: pointer, &marks)
        case .names(let schema): return checkNames(schema, value, at: pointer)
        case .unevaluatedMembers(let schema):
            var isValid = true
            for (place, member) in value.members.enumerated() where !marks.has(place) {
                if !applyToMember(schema, member, place, at: pointer, &marks) { isValid = false }
                if !isValid, isDone { return false }
            }
            return isValid
        default: return true
        }
    }

    private mutating func checkMembers(
        _ named: [String: Int],
        _ matching: [(JSONPattern, Int)],
        _ others: Int?,
        _ value: JSONElement,
        at pointer: String?,
        _ marks: inout Marks
    ) -> Bool {
        var isValid = true
        for (place, member) in value.members.enumerated() {
            guard spend(1) else { return false }
            let name = member.name
            var schemas = named[name].map { [$0] } ?? []
            for (pattern, schema) in matching where finds(pattern, in: name) { schemas.append(schema) }
            if schemas.isEmpty, let others { schemas = [others] }
            for schema in schemas where !applyToMember(schema, member, place, at: pointer, &marks) { isValid = false }
            if !isValid, isDone { return false }
        }
        return isValid
    }

    private mutating func applyToMember(
        _ schema: Int,
        _ member: JSONElement.Members.Member,
        _ place: Int,
        at pointer: String?,
        _ marks: inout Marks
    ) -> Bool {
        let pointer = pointer.map { JSONPointer.appending(member.name, to: $0) }
        if document.keepsMarks { marks.places.insert(place) }
        if document.nodes[schema].isNever { return tell("is not a known field", at: pointer) }
        return applyWithin(schema, to: member.value, at: pointer)
    }

    /// A name is checked as the string that it is.
    private mutating func checkNames(_ schema: Int, _ value: JSONElement, at pointer: String?) -> Bool {
        var isValid = true
        var names = value.members.elements
        while let name = names.next(), names.next() != nil {
            var none = Marks()
            guard !fits(schema, name, &none) else { continue }
            isValid = tell(
                "has a name that is not allowed",
                at: pointer.map { JSONPointer.appending(name.string ?? "", to: $0) }
            )
            if isDone { return false }
        }
        return isValid
    }

    private mutating func require(_ names: [String], of value: JSONElement, at pointer: String?) -> Bool {
        var isValid = true
        for name in names {
            if !has(name, value) { isValid = tell("is required", at: JSONPointer.appending(name, to: pointer ?? "")) }
            if !isValid, isDone { return false }
        }
        return isValid
    }

    private mutating func has(_ name: String, _ value: JSONElement) -> Bool {
        spendLook(through: value) && value[name] != nil
    }

    private mutating func count(_ value: JSONElement) -> Int {
        spendLook(through: value) ? value.members.reduce(0) { count, _ in count + 1 } : 0
    }
}
