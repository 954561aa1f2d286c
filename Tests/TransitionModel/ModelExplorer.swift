import Contracts

/// Visits every state that the model can reach, and looks for what must never be.
struct ModelExplorer {
    /// What was found, and how it comes to it.
    struct Offence: Equatable, CustomStringConvertible {
        let rule: String
        let way: [String]
        var description: String { rule + "\n  " + way.joined(separator: "\n  ") }
    }

    struct Report {
        var states = 0
        var steps = 0
        var offence: Offence?
    }

    let setup: QueueModel.Setup
    var flaw: ModelFlaw?
    var maximumStates = 2_000_000

    /// Explores breadth first, so an offence is shown by one of the shortest ways to it.
    func explore() -> Report {
        var report = Report()
        let start = QueueModel(setup, flaw: flaw)
        var places: [[UInt8]: Int32] = [start.fingerprint: 0]
        var states = [start]
        var origins: [(from: Int32, action: ModelAction?)] = [(-1, nil)]
        // Who leads to whom, for the way back from the ends. Cancelling is no way out: a job that only an operator can
        // end is stuck.
        var edges: [(from: Int32, to: Int32)] = []
        var next = 0

        func way(to place: Int, then last: ModelAction?) -> [String] {
            var way = last.map { [$0.description] } ?? []
            var place = Int32(place)
            while place >= 0, let action = origins[Int(place)].action {
                way.insert(action.description, at: 0)
                place = origins[Int(place)].from
            }
            return way
        }

        while next < states.count {
            let state = states[next]
            for action in state.choices(setup, stepwise: true) {
                let step = state.after(action)
                report.steps += 1
                if let rule = step.state.collision ?? ModelRules.offence(from: state, by: action, to: step.state) {
                    report.offence = Offence(rule: rule, way: way(to: next, then: action))
                    report.states = states.count
                    return report
                }
                let fingerprint = step.state.fingerprint
                let place = places[fingerprint] ?? Int32(states.count)
                if place == states.count {
                    places[fingerprint] = place
                    states.append(step.state)
                    origins.append((Int32(next), action))
                    precondition(states.count < maximumStates, "the model of \(setup.name) does not end")
                }
                if case .act(.end) = action { continue }
                edges.append((Int32(next), place))
            }
            next += 1
        }
        report.states = states.count
        if let stuck = ModelExplorer.stuck(states.map(\.isOver), edges) {
            report.offence = Offence(rule: "a job can never end", way: way(to: stuck, then: nil))
        }
        return report
    }

    /// The first state from which no final one can be reached.
    private static func stuck(_ isOver: [Bool], _ edges: [(from: Int32, to: Int32)]) -> Int? {
        var starts = [Int32](repeating: 0, count: isOver.count + 1)
        for edge in edges { starts[Int(edge.to) + 1] += 1 }
        for place in 1..<starts.count { starts[place] += starts[place - 1] }
        var sources = [Int32](repeating: 0, count: edges.count)
        var cursor = starts
        for edge in edges {
            sources[Int(cursor[Int(edge.to)])] = edge.from
            cursor[Int(edge.to)] += 1
        }
        var canEnd = isOver
        var queue = isOver.indices.filter { isOver[$0] }
        while let place = queue.popLast() {
            for index in starts[place]..<starts[place + 1] where !canEnd[Int(sources[Int(index)])] {
                canEnd[Int(sources[Int(index)])] = true
                queue.append(Int(sources[Int(index)]))
            }
        }
        return canEnd.firstIndex(of: false)
    }
}
