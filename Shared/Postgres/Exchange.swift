/// One round trip with the server: from sending until everything is answered. Pure; the connection does the I/O.
///
/// ```
///            deadline passed, or task cancelled       results read and request delivered
///   running ────────────────────────────────────▶ cancelling ─────────────────────────────▶ (over)
///      │                  → send the request            │
///      │ results read                                   │ grace passed
///      ▼                                                ▼
///   (over)                                          abandoned   → the connection is thrown away
/// ```
struct Exchange {
    enum Cause {
        case deadline
        case cancellation
    }

    enum State {
        /// Goes on until the deadline. → cancelling
        case running
        /// The server was told to stop; ends when it has answered and the request is known to be delivered, so
        /// that it cannot hit the next statement. → abandoned
        case cancelling(Cause, until: ContinuousClock.Instant, isDelivered: Bool)
        /// The server did not react in time.
        case abandoned(Cause)
    }

    enum Action {
        case wait
        case sendCancel
        case abandon(Cause)
    }

    private(set) var state = State.running
    private let deadline: ContinuousClock.Instant
    private let grace: Duration

    init(deadline: ContinuousClock.Instant, grace: Duration) {
        self.deadline = deadline
        self.grace = grace
    }

    /// Until when to wait before asking again.
    var nextDeadline: ContinuousClock.Instant {
        switch state {
        case .running: deadline
        case .cancelling(_, let until, _): until
        case .abandoned: deadline
        }
    }

    /// Why the exchange was cut short, if it was.
    var cause: Cause? {
        switch state {
        case .running: nil
        case .cancelling(let cause, _, _), .abandoned(let cause): cause
        }
    }

    /// Whether a cancel request may still be on its way.
    var awaitsDelivery: Bool {
        if case .cancelling(_, _, isDelivered: false) = state { true } else { false }
    }

    /// Takes in what happened while waiting.
    mutating func advance(now: ContinuousClock.Instant, isCancelled: Bool, isDelivered: Bool) -> Action {
        switch state {
        case .running:
            guard isCancelled || now >= deadline else { return .wait }
            state = .cancelling(isCancelled ? .cancellation : .deadline, until: now + grace, isDelivered: false)
            return .sendCancel
        case .cancelling(let cause, let until, let wasDelivered):
            guard now < until else {
                state = .abandoned(cause)
                return .abandon(cause)
            }
            state = .cancelling(cause, until: until, isDelivered: wasDelivered || isDelivered)
            return .wait
        case .abandoned(let cause):
            return .abandon(cause)
        }
    }
}
