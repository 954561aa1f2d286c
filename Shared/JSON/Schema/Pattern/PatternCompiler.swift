/// A compiled expression.
struct PatternProgram: Sendable {
    fileprivate(set) var instructions: [PatternInstruction] = []
    fileprivate(set) var characters: [PatternCharacters] = []
}

/// A step of a compiled expression.
enum PatternInstruction: Sendable {
    /// One of the characters of that number, then the next instruction.
    case one(Int)
    case assertion(PatternAssertion)
    /// Both at once.
    case fork(Int, Int)
    case jump(Int)
    case found
}

/// A set of characters with a bit for each of ASCII's, which are nearly all that is ever asked for.
struct PatternCharacters: Sendable {
    private let set: PatternSet
    private var low: UInt64 = 0
    private var high: UInt64 = 0

    init(_ set: PatternSet) {
        self.set = set
        for value in UInt8(0)..<128 where set.contains(Unicode.Scalar(value)) {
            if value < 64 { low |= 1 << value } else { high |= 1 << (value - 64) }
        }
    }

    func contains(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0..<64: low & 1 << scalar.value != 0
        case 64..<128: high & 1 << (scalar.value - 64) != 0
        default: set.contains(scalar)
        }
    }
}

/// Turns an expression into instructions.
struct PatternCompiler {
    /// Instructions of an expression, with all that is repeated written out.
    static let largest = 10_000
    private var program: [PatternInstruction] = []
    private var characters: [PatternCharacters] = []

    mutating func finish() -> PatternProgram {
        PatternProgram(instructions: program + [.found], characters: characters)
    }

    mutating func emit(_ node: PatternNode) throws(PatternError) {
        guard program.count < PatternCompiler.largest else { throw .tooLarge }
        switch node {
        case .empty: break
        case .one(let set):
            program.append(.one(characters.count))
            characters.append(PatternCharacters(set))
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
