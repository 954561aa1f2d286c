import Concurrency
import Contracts
import Kernel
import Store

/// Who is connected: how often, and how to send them away. What outlives a request has a seat here.
final class Attendance: Sendable {
    /// A place that is given back by `leave`.
    struct Seat: Sendable {
        let name: String
        fileprivate let number: UInt64
    }

    private struct State {
        var numbers: UInt64 = 0
        /// By principal, then by seat: what ends it.
        var seats: [String: [UInt64: @Sendable () -> Void]] = [:]
    }

    private let perPrincipal: Int
    private let state = Lock(State())

    /// At most so many seats for each principal but administrators.
    init(perPrincipal: Int) { self.perPrincipal = perPrincipal }

    /// A seat whose holder is sent away by `end`; `nil` when the principal has too many.
    func enter(_ principal: Principal, _ end: @escaping @Sendable () -> Void) -> Seat? {
        state.withLock { state in
            let taken = state.seats[principal.name]?.count ?? 0
            guard taken < perPrincipal || principal.may(.admin) else { return nil }
            state.numbers += 1
            state.seats[principal.name, default: [:]][state.numbers] = end
            return Seat(name: principal.name, number: state.numbers)
        }
    }

    /// Whether a principal would get a seat now.
    func hasRoom(for principal: Principal) -> Bool {
        principal.may(.admin) || state.withLock { $0.seats[principal.name]?.count ?? 0 } < perPrincipal
    }

    func leave(_ seat: Seat) {
        state.withLock { state in
            state.seats[seat.name]?[seat.number] = nil
            if state.seats[seat.name]?.isEmpty == true { state.seats[seat.name] = nil }
        }
    }

    /// How many seats are taken.
    var count: Int { state.withLock { $0.seats.values.reduce(0) { $0 + $1.count } } }

    /// The API keys that hold seats.
    var keys: [APIKeyID] {
        state.withLock { state in
            state.seats.keys.compactMap { $0.hasPrefix("key:") ? APIKeyID(String($0.dropFirst(4))) : nil }
        }
    }

    /// Sends away all that some principals hold.
    func dismiss(_ names: Set<String>) {
        let ends = state.withLock { state in names.flatMap { Array((state.seats[$0] ?? [:]).values) } }
        for end in ends { end() }
    }
}
