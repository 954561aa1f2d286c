/// A step of a compiled expression.
enum PatternInstruction: Sendable {
    /// One character of the set, then the next instruction.
    case one(PatternSet)
    case assertion(PatternAssertion)
    /// Both at once.
    case fork(Int, Int)
    case jump(Int)
    case found
}

/// Turns an expression into instructions.
struct PatternCompiler {
    /// Instructions of an expression, with all that is repeated written out.
    static let largest = 10_000
    private var program: [PatternInstruction] = []

    mutating func finish() -> [PatternInstruction] { program + [.found] }

    mutating func emit(_ node: PatternNode) throws(PatternError) {
        guard program.count < PatternCompiler.largest else { throw .tooLarge }
        switch node {
        case .empty: break
        case .one(let set): program.append(.one(set))
        case .assertion(let assertion): program.append(.assertion(assertion))
        case .sequence(let terms): for term in terms { try emit(term) }
        case .choice(let branches): try emitChoice(branches[...])
        case .repeated(let node, let least, let most):
            for _ in 0..<least { try emit(node, atLeastOne: true) }
            guard let most else { return try emitLoop(node) }
            // Each further one may be the last.
            var exits: [Int] = []
            for _ in least..<most {
                exits.append(program.count)
                program.append(.jump(0))
                try emit(node, atLeastOne: true)
            }
            for exit in exits { program[exit] = .fork(exit + 1, program.count) }
        }
    }

    /// Emits; what is empty counts too, so that empty things cannot be repeated without bound.
    private mutating func emit(_ node: PatternNode, atLeastOne: Bool) throws(PatternError) {
        let before = program.count
        try emit(node)
        if program.count == before { program.append(.jump(before + 1)) }
    }

    private mutating func emitLoop(_ node: PatternNode) throws(PatternError) {
        let start = program.count
        program.append(.jump(0))
        try emit(node)
        program.append(.jump(start))
        program[start] = .fork(start + 1, program.count)
    }

    private mutating func emitChoice(_ branches: ArraySlice<PatternNode>) throws(PatternError) {
        var ends: [Int] = []
        for (index, branch) in branches.enumerated() {
            guard index < branches.count - 1 else {
                try emit(branch)
                break
            }
            let fork = program.count
            program.append(.jump(0))
            try emit(branch)
            ends.append(program.count)
            program.append(.jump(0))
            program[fork] = .fork(fork + 1, program.count)
        }
        for end in ends { program[end] = .jump(program.count) }
    }
}
