/// Where to look for jobs of some kinds: lines whose floors are known, and all priorities between them.
struct OpenLines: Sendable, Equatable {
    /// Higher than every priority.
    static let beyondAll = 1_000_000

    private(set) var kinds: [String] = []
    private(set) var priorities: [Int] = []
    private(set) var floors: [Int64] = []
    private(set) var restKinds: [String] = []
    private(set) var restsBelow: [Int] = []
    private(set) var restsAbove: [Int] = []

    /// All jobs of these kinds, wherever they are.
    static func all(of kinds: [String]) -> OpenLines {
        var floors = LineFloors()
        return floors.lines(of: kinds)
    }

    mutating func addKnown(_ line: Line, floor: Int64) {
        kinds.append(line.kind)
        priorities.append(line.priority)
        floors.append(floor)
    }

    mutating func addRest(of kind: String, below: Int, above: Int) {
        restKinds.append(kind)
        restsBelow.append(below)
        restsAbove.append(above)
    }
}
