extension JSONSchema {
    /// Everything that is wrong with a value, at most `limit` mistakes, in the order of the schema.
    public func issues(in value: JSONElement, at pointer: String = "", limit: Int = 50) -> [JSONIssue] {
        if let document { return document.issues(in: value, at: pointer, limit: limit) }
        var issues: [JSONIssue] = []
        // Most values fit. Only for one that does not, it is written down where each mistake is.
        check(value, at: nil, &issues, 1)
        guard !issues.isEmpty else { return [] }
        issues = []
        check(value, at: pointer, &issues, limit)
        return issues
    }

    private func check(_ value: JSONElement, at pointer: String?, _ issues: inout [JSONIssue], _ limit: Int) {
        guard issues.count < limit else { return }
        if let document {
            issues += document.issues(in: value, at: pointer ?? "", limit: limit - issues.count)
            return
        }
        func report(_ message: String) {
            if issues.count < limit { issues.append(JSONIssue(pointer: pointer ?? "", message: message)) }
        }
        guard types.isEmpty || types.contains(where: { $0.accepts(value) }) else {
            report("must be \(types.map(\.words).joined(separator: " or "))")
            return
        }
        if let allowed, !allowed.contains(value.raw) {
            report(
                "must be one of \(allowed.map { String(decoding: $0.bytes, as: UTF8.self) }.joined(separator: ", "))"
            )
        }
        switch value.kind {
        case .string: checkString(value.string ?? "", report)
        case .integer, .number: checkNumber(value.double ?? 0, report)
        case .array: checkArray(value, at: pointer, &issues, limit)
        case .object: checkObject(value, at: pointer, &issues, limit)
        case .null, .boolean: break
        }
    }

    private func checkString(_ text: String, _ report: (String) -> Void) {
        if minimumLength != nil || maximumLength != nil {
            let count = text.unicodeScalars.count
            if let minimumLength, count < minimumLength {
                report(minimumLength == 1 ? "must not be empty" : "must have at least \(minimumLength) characters")
            }
            if let maximumLength, count > maximumLength { report("must have at most \(maximumLength) characters") }
        }
        if let format, !format.accepts(text) { report("must be a valid \(format.rawValue)") }
        if let pattern, !pattern.matches(text) { report("must match \(pattern.source)") }
    }

    private func checkNumber(_ number: Double, _ report: (String) -> Void) {
        if let minimum, number < minimum { report("must be at least \(minimum.plain)") }
        if let maximum, number > maximum { report("must be at most \(maximum.plain)") }
    }

    private func checkArray(_ value: JSONElement, at pointer: String?, _ issues: inout [JSONIssue], _ limit: Int) {
        var count = 0
        for element in value.elements {
            if let items = items.first { items.check(element, at: pointer.map { "\($0)/\(count)" }, &issues, limit) }
            count += 1
        }
        guard issues.count < limit else { return }
        if let minimumCount, count < minimumCount {
            issues.append(JSONIssue(pointer: pointer ?? "", message: "must have at least \(minimumCount) elements"))
        }
        if let maximumCount, count > maximumCount {
            issues.append(JSONIssue(pointer: pointer ?? "", message: "must have at most \(maximumCount) elements"))
        }
    }

    private func checkObject(_ value: JSONElement, at pointer: String?, _ issues: inout [JSONIssue], _ limit: Int) {
        for member in value.members where issues.count < limit {
            let name = member.name
            let place = pointer.map { JSONPointer.appending(name, to: $0) }
            if let property = properties.first(where: { $0.name == name }) {
                property.schema.check(member.value, at: place, &issues, limit)
                continue
            }
            switch additionalProperties {
            case .allowed: break
            case .forbidden: issues.append(JSONIssue(pointer: place ?? "", message: "is not a known field"))
            case .matching(let schemas): schemas.first?.check(member.value, at: place, &issues, limit)
            }
        }
        func require(_ name: String) {
            guard issues.count < limit, value[name] == nil else { return }
            issues.append(JSONIssue(pointer: JSONPointer.appending(name, to: pointer ?? ""), message: "is required"))
        }
        for property in properties where property.isRequired { require(property.name) }
    }
}

extension JSONSchema.ValueType {
    func accepts(_ value: JSONElement) -> Bool {
        switch (self, value.kind) {
        case (.null, .null), (.boolean, .boolean), (.string, .string), (.array, .array), (.object, .object): true
        case (.number, .integer), (.number, .number), (.integer, .integer): true
        case (.integer, .number): value.int != nil
        default: false
        }
    }

    var words: String {
        switch self {
        case .null: "null"
        case .boolean: "true or false"
        case .integer: "a whole number"
        case .number: "a number"
        case .string: "a string"
        case .array: "an array"
        case .object: "an object"
        }
    }
}

extension Double {
    /// The number as people write it: without a fraction where there is none.
    var plain: String { Int(exactly: self).map(\.description) ?? description }
}
