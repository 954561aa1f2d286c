import JSON

/// An assembled context as it is shown: each part that is told, and those left out by kind and reason.
struct ContextExplanation: JSONWritable, Sendable {
    /// Parts of one kind that are left out for one reason.
    struct LeftOut: JSONWritable, Sendable, Equatable {
        /// The most ids that are listed.
        static let listed = 20

        let kind: ContextPart.Kind
        let reason: ContextPart.Omission
        let count: Int
        /// What they would cost; `nil` for those that were not read.
        let tokens: Int?
        /// Of those worth most.
        let ids: [String]

        /// Writes the group as an object.
        func write(to json: inout JSONWriter) {
            json.object {
                $0.member("kind", kind.rawValue)
                $0.member("reason", reason.rawValue)
                $0.member("count", count)
                $0.member("tokens", tokens)
                $0.member("ids", ids)
            }
        }
    }

    let request: ContextRequest
    let context: AssembledContext

    /// What is left out, by kind and reason.
    var leftOut: [LeftOut] {
        struct Group: Hashable {
            let kind: ContextPart.Kind
            let reason: ContextPart.Omission
        }
        var groups: [Group: [ContextPart]] = [:]
        for part in context.parts {
            if let reason = part.omission { groups[Group(kind: part.kind, reason: reason), default: []].append(part) }
        }
        let read = ContextPart.Kind.allCases.flatMap { kind in
            ContextPart.Omission.allCases.compactMap { reason in
                groups[Group(kind: kind, reason: reason)].map { LeftOut(kind: kind, reason: reason, $0) }
            }
        }
        return read
            + context.unread.map {
                LeftOut(kind: $0.kind, reason: .olderThanLimit, count: $0.count, tokens: nil, ids: [])
            }
    }

    /// Writes the explanation as an object.
    func write(to json: inout JSONWriter) {
        json.object {
            $0.member("project_id", request.project)
            $0.member("card_id", request.card)
            $0.member("budget", request.budget)
            $0.member("tokens", context.tokens)
            $0.member("read_at", context.readAt)
            $0.member("text", context.text)
            $0.member("parts", context.parts.filter { $0.omission == nil })
            $0.member("left_out", leftOut)
        }
    }
}

extension ContextExplanation.LeftOut {
    fileprivate init(kind: ContextPart.Kind, reason: ContextPart.Omission, _ parts: [ContextPart]) {
        self.kind = kind
        self.reason = reason
        count = parts.count
        tokens = parts.reduce(0) { $0 + $1.tokens }
        ids = parts.sorted { ($1.score, $0.id) < ($0.score, $1.id) }.prefix(Self.listed).map(\.id)
    }
}

extension ContextPart: JSONWritable {
    /// Writes a part that is told as an object.
    func write(to json: inout JSONWriter) {
        json.object {
            $0.member("kind", kind.rawValue)
            $0.member("id", id)
            $0.member("version", version)
            $0.member("at", at)
            $0.member("tokens", tokens)
            $0.member("score", score)
        }
    }
}
