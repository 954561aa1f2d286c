extension JSONElement {
    /// The same bytes for the same value: members by name, `1.0` as `1`.
    var canonical: [UInt8] { JSONWriter.bytes { writeCanonical(to: &$0) } }

    private func writeCanonical(to json: inout JSONWriter) {
        switch kind {
        case .number:
            // A whole number that a word holds is written as it would have been without its fraction.
            guard let double else { return }
            if let whole = int {
                json.value(whole)
            } else if let whole = UInt64(exactly: double) {
                json.raw(whole.description.utf8)
            } else {
                json.value(double)
            }
        case .array: json.array { for element in elements { element.writeCanonical(to: &$0) } }
        case .object:
            let sorted = members.sorted { $0.nameBytes.lexicographicallyPrecedes($1.nameBytes) }
            json.object { json in
                for member in sorted {
                    json.key(member.name)
                    member.value.writeCanonical(to: &json)
                }
            }
        default: json.value(self)
        }
    }
}
