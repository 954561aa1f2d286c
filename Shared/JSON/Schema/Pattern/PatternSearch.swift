/// A search for an expression in a text: Thompson's simulation, which follows all states side by side.
struct PatternSearch {
    private let program: PatternProgram
    private let text: [Unicode.Scalar]
    /// The instructions that await the next character, each once.
    private var states: [Int] = []
    private var next: [Int] = []
    /// At which place each instruction was last entered.
    private var entered: [Int]
    private var waiting: [Int] = []
    private var isFound = false

    init(_ program: PatternProgram, in text: String) {
        self.program = program
        self.text = Array(text.unicodeScalars)
        entered = Array(repeating: -1, count: program.instructions.count)
    }

    mutating func run(_ steps: inout Int) -> Bool {
        for place in 0...text.count {
            next.removeAll(keepingCapacity: true)
            if place > 0 {
                let scalar = text[place - 1]
                for state in states {
                    guard case .one(let number) = program.instructions[state] else { continue }
                    if program.characters[number].contains(scalar) { next.append(state + 1) }
                }
                steps -= states.count
            }
            states.removeAll(keepingCapacity: true)
            for state in next { enter(state, at: place, &steps) }
            // It may begin anywhere.
            enter(0, at: place, &steps)
            if isFound { return true }
            if steps < 0 { return false }
        }
        return false
    }

    /// Enters an instruction and all that can be reached from it without a character.
    private mutating func enter(_ state: Int, at place: Int, _ steps: inout Int) {
        waiting.append(state)
        while steps >= 0, let state = waiting.popLast() {
            guard entered[state] != place else { continue }
            entered[state] = place
            steps -= 1
            switch program.instructions[state] {
            case .one: states.append(state)
            case .assertion(let assertion): if holds(assertion, at: place) { waiting.append(state + 1) }
            case .fork(let one, let other):
                waiting.append(one)
                waiting.append(other)
            case .jump(let other): waiting.append(other)
            case .found: isFound = true
            }
        }
    }

    private func holds(_ assertion: PatternAssertion, at place: Int) -> Bool {
        switch assertion {
        case .start: place == 0
        case .end: place == text.count
        case .wordBoundary: isWord(place - 1) != isWord(place)
        case .noWordBoundary: isWord(place - 1) == isWord(place)
        }
    }

    private func isWord(_ index: Int) -> Bool { text.indices.contains(index) && PatternSet.word.contains(text[index]) }
}
