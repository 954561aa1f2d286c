/// The jobs of one kind and priority that are in the open line.
struct Line: Hashable, Sendable {
    let kind: String
    let priority: Int
}

/// Where lines begin: nothing below a line's floor is in line, and nothing ever will be.
///
/// What was taken from a line stays in its index until it is vacuumed, which cannot be while anybody holds a snapshot
/// that is older. A claim that begins at the floor does not walk over all of that.
///
/// Places in line are numbered by a sequence, and who puts jobs in line has written the jobs before, so has a
/// transaction id when it draws the number. Therefore a look proves, once all transactions that were open at that
/// moment have ended, that only numbers above are to come; another look then says what is there:
///
/// ```
///   look 1            floor may be the first job that is seen, or what comes next  ── a candidate
///     …               transactions that began before look 1 end
///   look n, by a horizon that an earlier look has found
///                     floor = the smaller one of the candidate and the first job that is seen now
/// ```
struct LineFloors: Sendable {
    /// What one snapshot of the database says.
    struct Look: Sendable {
        /// The look's own transaction: who had drawn a number before it has a lower one.
        let transaction: Int64
        /// All transactions below had ended when the look was over.
        let horizon: Int64
        /// The last number that was drawn.
        let number: Int64
        /// The first job of each line; of known lines from their floors on.
        let first: [Line: Int64]
    }

    private struct Candidate {
        let floor: Int64
        let transaction: Int64
    }

    /// Floors of a kind: more lines than these are walked without.
    static let maximumLines = 8

    private var floors: [Line: Int64] = [:]
    private var candidates: [Line: Candidate] = [:]
    private var previous: (number: Int64, horizon: Int64)?
    /// Kinds that somebody asked for since all was forgotten.
    private(set) var kinds: Set<String> = []

    /// The lines of these kinds, known and unknown.
    mutating func lines(of kinds: [String]) -> OpenLines {
        self.kinds.formUnion(kinds)
        return known(kinds)
    }

    /// The lines of all kinds that were asked for.
    var all: OpenLines { known(kinds.sorted()) }

    private func known(_ kinds: [String]) -> OpenLines {
        var lines = OpenLines()
        for kind in kinds {
            let known = floors.filter { $0.key.kind == kind }.sorted { $0.key.priority > $1.key.priority }
            var above = OpenLines.beyondAll
            for (line, floor) in known {
                lines.addKnown(line, floor: floor)
                lines.addRest(of: kind, below: above, above: line.priority)
                above = line.priority
            }
            lines.addRest(of: kind, below: above, above: -OpenLines.beyondAll)
        }
        return lines
    }

    /// Remembers that there are jobs of a line: a look may come too late to see one.
    mutating func note(_ line: Line) {
        guard floors[line] == nil, floors.keys.count(where: { $0.kind == line.kind }) < LineFloors.maximumLines else {
            return
        }
        floors[line] = 0
    }

    /// Takes in a look.
    mutating func see(_ look: Look) {
        defer { previous = (look.number, look.horizon) }
        guard let previous else { return }
        // Another history, such as that of a standby which lagged behind: nothing of ours holds there.
        guard look.number >= previous.number, look.horizon >= previous.horizon else { return forget() }
        for line in look.first.keys { note(line) }
        for (line, floor) in floors {
            let first = look.first[line]
            if let candidate = candidates[line] {
                guard candidate.transaction < previous.horizon else { continue }
                floors[line] = max(floor, min(candidate.floor, first ?? .max))
            }
            candidates[line] = Candidate(floor: first ?? previous.number + 1, transaction: look.transaction)
        }
    }

    /// Begins anew, so that nothing wrong can stay for ever.
    mutating func forget() {
        floors = [:]
        candidates = [:]
        kinds = []
    }
}
