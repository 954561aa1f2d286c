import JSON

/// Puts calls of tools together from the pieces of a stream.
///
/// Providers number calls by `index`, by `id`, by both or by neither, and repeat or delay what they say:
///
/// 1. A known id wins over the index.
/// 2. A new id on a used index is a new call.
/// 3. Neither id nor index: the call in progress.
/// 4. An index without an id ever: the id is made up, `call_<index>`.
/// 5. The name may come late, grow, or come again with every piece.
/// 6. Arguments may be empty, which means none.
/// 7. What begins with `{` behind arguments that are complete belongs to another call; without a name, or under the
///    same id word for word, it is a repetition.
struct ToolCallAssembler: Sendable {
    /// What a piece of a stream says of a call.
    struct Piece: Sendable, Hashable {
        var index: Int?
        var id: String?
        var name: String?
        var arguments: String?
    }

    private struct Call: Sendable {
        var index: Int?
        var id: String?
        var name = ""
        var arguments = ArgumentText()
    }

    private let limits: AnswerLimits
    private var calls: [Call] = []
    private var current: Int?

    init(_ limits: AnswerLimits = AnswerLimits()) { self.limits = limits }

    var isEmpty: Bool { calls.isEmpty }

    /// Takes a piece; says which call it belongs to, and the call's name when it is known for the first time.
    mutating func add(_ piece: Piece) throws(ModelFailure) -> (call: Int, begins: String?) {
        let id = piece.id.flatMap { $0.isEmpty ? nil : $0 }
        let name = piece.name ?? ""
        let text = piece.arguments ?? ""
        var place = place(index: piece.index, id: id, name: name)
        if let known = place, calls[known].arguments.isComplete, ArgumentText.beginsObject(text) {
            let isSame = calls[known].arguments.text.elementsEqual(text.utf8)
            if isSame, name.isEmpty || id != nil && id == calls[known].id { return (known, nil) }
            if !name.isEmpty { place = nil }
        }
        let call: Int
        if let place { call = place } else { call = try begin(piece.index) }
        current = call
        if let id, calls[call].id == nil { calls[call].id = unused(id) }
        try append(text, to: call)
        return (call, extend(name, of: call))
    }

    /// Adds a call that came in one piece.
    mutating func add(whole name: String, id: String?, arguments: String) throws(ModelFailure) -> Int {
        let call = try begin(nil)
        calls[call].name = name
        calls[call].id = id.flatMap { $0.isEmpty ? nil : unused($0) }
        try append(arguments, to: call)
        return call
    }

    /// Gives a call its arguments if none have come in pieces.
    mutating func complete(_ call: Int, arguments: String) throws(ModelFailure) {
        if calls[call].arguments.text.isEmpty { try append(arguments, to: call) }
    }

    /// The calls as they stand, in the order in which they began.
    func assembled() -> [ModelToolCall] {
        var taken = Set(calls.compactMap(\.id))
        return calls.enumerated()
            .map { position, call in
                let id = call.id ?? ToolCallAssembler.free("call_\(call.index ?? position)", in: taken)
                taken.insert(id)
                return call.arguments.call(id: id, name: call.name)
            }
    }

    private func place(index: Int?, id: String?, name: String) -> Int? {
        if let id, let known = calls.lastIndex(where: { $0.id == id }) { return known }
        guard let index else {
            guard let current, id == nil || calls[current].id == nil else { return nil }
            let own = calls[current].name
            // Another name is another call; the same, or more of it, is rule 5.
            return name.isEmpty || own.isEmpty || name.hasPrefix(own) ? current : nil
        }
        guard let used = calls.lastIndex(where: { $0.index == index }) else { return nil }
        return id != nil && calls[used].id != nil ? nil : used
    }

    private mutating func begin(_ index: Int?) throws(ModelFailure) -> Int {
        guard calls.count < limits.toolCalls else { throw .tooLarge("more than \(limits.toolCalls) calls of tools") }
        calls.append(Call(index: index))
        return calls.count - 1
    }

    /// More arguments of a call that the wire names unmistakably.
    mutating func append(_ text: String, to call: Int) throws(ModelFailure) {
        guard calls[call].arguments.text.count + text.utf8.count <= limits.argumentBytes else {
            throw .tooLarge("arguments of more than \(limits.argumentBytes) bytes")
        }
        calls[call].arguments.append(text)
    }

    private mutating func extend(_ name: String, of call: Int) -> String? {
        let own = calls[call].name
        guard !name.isEmpty, name != own else { return nil }
        // It grows as a whole, or by a piece.
        calls[call].name = name.hasPrefix(own) ? name : String((own + name).prefix(256))
        return own.isEmpty ? name : nil
    }

    /// Two calls must not have one id.
    private func unused(_ id: String) -> String { ToolCallAssembler.free(id, in: Set(calls.compactMap(\.id))) }

    private static func free(_ id: String, in taken: Set<String>) -> String {
        guard taken.contains(id) else { return id }
        var number = 2
        while taken.contains("\(id)_\(number)") { number += 1 }
        return "\(id)_\(number)"
    }
}
