import TestSupport
import Testing

@testable import JobQueueService

/// The floors of lines, on a database of a few numbers.
@Suite(.timeLimit(.minutes(1))) struct LineFloorTests {
    /// Transactions that put jobs in line, numbered as Postgres numbers them, and ended in any order.
    struct Database {
        struct Transaction {
            let id: Int64
            var drawn: [(line: Line, number: Int64)] = []
        }

        var nextID: Int64 = 1
        var number: Int64 = 0
        var open: [Transaction] = []
        var inLine: [Line: Set<Int64>] = [:]

        var horizon: Int64 { open.map(\.id).min() ?? nextID }

        mutating func begin() {
            open.append(Transaction(id: nextID))
            nextID += 1
        }

        mutating func draw(_ line: Line, by index: Int) {
            number += 1
            open[index].drawn.append((line, number))
        }

        mutating func end(_ index: Int, commits: Bool) {
            let transaction = open.remove(at: index)
            guard commits else { return }
            for (line, number) in transaction.drawn { inLine[line, default: []].insert(number) }
        }

        /// What could still be claimed from a line, now or later.
        func lowest(_ line: Line) -> Int64 {
            let coming = open.flatMap(\.drawn).filter { $0.line == line }.map(\.number)
            return (coming + (inLine[line] ?? [])).min() ?? number + 1
        }
    }

    static let lines = ["a", "b"].flatMap { kind in [0, 5].map { Line(kind: kind, priority: $0) } }

    /// What the statement of a look finds: from known lines' floors on, and of all other priorities the highest.
    static func first(_ lines: OpenLines, in database: Database) -> [Line: Int64] {
        var first: [Line: Int64] = [:]
        for index in lines.kinds.indices {
            let line = Line(kind: lines.kinds[index], priority: lines.priorities[index])
            first[line] = database.inLine[line]?.filter { $0 >= lines.floors[index] }.min()
        }
        for index in lines.restKinds.indices {
            let line = database.inLine
                .filter { line, numbers in
                    line.kind == lines.restKinds[index] && !numbers.isEmpty
                        && line.priority < lines.restsBelow[index] && line.priority > lines.restsAbove[index]
                }
                .max { $0.key.priority < $1.key.priority }?
                .key
            if let line { first[line] = database.inLine[line]?.min() }
        }
        return first
    }

    @Test(arguments: 0..<200) func `no job is ever below a floor, and floors rise`(seed: UInt64) {
        var random = SeededRandom(seed)
        var database = Database()
        var floors = LineFloors()
        _ = floors.lines(of: ["a", "b"])
        var looking: (transaction: Int64, first: [Line: Int64])?
        for _ in 0..<2000 {
            switch Int.random(in: 0..<10, using: &random) {
            case 0, 1: if database.open.count < 4 { database.begin() }
            case 2, 3, 4:
                if let index = database.open.indices.randomElement(using: &random) {
                    database.draw(LineFloorTests.lines.randomElement(using: &random)!, by: index)
                }
            case 5, 6:
                if let index = database.open.indices.randomElement(using: &random) {
                    database.end(index, commits: Bool.random(using: &random))
                }
            case 7:
                // A claim: the first of a line.
                let line = LineFloorTests.lines.randomElement(using: &random)!
                if let job = database.inLine[line]?.min() { database.inLine[line]?.remove(job) }
            case 8:
                // A look's snapshot is older than what it reads besides.
                if looking == nil {
                    looking = (database.nextID, LineFloorTests.first(floors.all, in: database))
                    database.nextID += 1
                }
            default:
                if let (transaction, first) = looking {
                    floors.see(
                        LineFloors.Look(
                            transaction: transaction,
                            horizon: database.horizon,
                            number: database.number,
                            first: first
                        )
                    )
                    looking = nil
                }
            }
            let known = floors.all
            for index in known.kinds.indices {
                let line = Line(kind: known.kinds[index], priority: known.priorities[index])
                #expect(known.floors[index] <= database.lowest(line))
            }
        }
        while !database.open.isEmpty { database.end(0, commits: false) }
        for _ in 0..<3 {
            let first = LineFloorTests.first(floors.all, in: database)
            floors.see(
                LineFloors.Look(
                    transaction: database.nextID,
                    horizon: database.nextID + 1,
                    number: database.number,
                    first: first
                )
            )
            database.nextID += 1
        }
        // With nobody writing, every floor is the first job itself.
        let known = floors.all
        #expect(!known.kinds.isEmpty)
        for index in known.kinds.indices {
            let line = Line(kind: known.kinds[index], priority: known.priorities[index])
            #expect(known.floors[index] == database.lowest(line))
        }
    }

    @Test func `what lies between known priorities is looked for without a floor`() {
        var floors = LineFloors()
        _ = floors.lines(of: ["a"])
        let lines = [7, 3].map { Line(kind: "a", priority: $0) }
        for transaction in 1...3 {
            floors.see(
                .init(transaction: Int64(transaction), horizon: 9, number: 50, first: [lines[0]: 40, lines[1]: 41])
            )
        }
        let known = floors.all
        #expect(known.priorities == [7, 3])
        #expect(known.floors == [40, 41])
        #expect(known.restsBelow == [OpenLines.beyondAll, 7, 3])
        #expect(known.restsAbove == [7, 3, -OpenLines.beyondAll])
    }

    @Test func `a database that has gone back has no floors`() {
        var floors = LineFloors()
        _ = floors.lines(of: ["a"])
        let line = Line(kind: "a", priority: 0)
        for transaction in 1...3 {
            floors.see(.init(transaction: Int64(transaction), horizon: 9, number: 50, first: [line: 50]))
        }
        #expect(floors.all.floors == [50])
        floors.see(.init(transaction: 4, horizon: 9, number: 20, first: [:]))
        #expect(floors.lines(of: ["a"]).floors == [])
    }

    @Test func `many priorities cost no more than a few`() {
        var floors = LineFloors()
        _ = floors.lines(of: ["a"])
        for transaction in 1...3 {
            let first = (0..<1000).map { (Line(kind: "a", priority: $0), Int64($0)) }
            floors.see(
                .init(
                    transaction: Int64(transaction),
                    horizon: 9,
                    number: 5000,
                    first: Dictionary(uniqueKeysWithValues: first)
                )
            )
        }
        #expect(floors.all.kinds.count == LineFloors.maximumLines)
        #expect(floors.all.restKinds.count == LineFloors.maximumLines + 1)
    }
}
