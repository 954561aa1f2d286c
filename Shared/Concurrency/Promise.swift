/// A value that will come once. Fulfilling, cancelling and awaiting may happen in any order and from any thread.
///
/// ```
///            fulfil                   value()
///   empty ───────────▶ fulfilled ───────────────▶ taken
///     │ value()            ▲
///     ▼                    │ fulfil, or the awaiting task is cancelled
///   awaited ───────────────┘
/// ```
public final class Promise<Value: Sendable>: Sendable {
    private enum State {
        case empty
        case awaited(CheckedContinuation<Value, any Error>)
        case fulfilled(Result<Value, any Error>)
    }

    private let state = Lock(State.empty)

    /// A promise that nobody has fulfilled.
    public init() {}

    /// Gives the value; only the first call counts. Returns whether it was this one.
    @discardableResult
    public func fulfil(_ result: Result<Value, any Error>) -> Bool {
        let (first, continuation): (Bool, CheckedContinuation<Value, any Error>?) = state.withLock { state in
            switch state {
            case .empty:
                state = .fulfilled(result)
                return (true, nil)
            case .awaited(let continuation):
                state = .fulfilled(result)
                return (true, continuation)
            case .fulfilled:
                return (false, nil)
            }
        }
        continuation?.resume(with: result)
        return first
    }

    /// Gives the value; only the first call counts.
    @discardableResult
    public func succeed(_ value: Value) -> Bool { fulfil(.success(value)) }

    /// Gives an error instead of a value; only the first call counts.
    @discardableResult
    public func fail(_ error: any Error) -> Bool { fulfil(.failure(error)) }

    /// Waits for the value. One caller at a time; a cancelled task fulfils the promise with `CancellationError`.
    public func value() async throws -> Value {
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                let result: Result<Value, any Error>? = state.withLock { state in
                    switch state {
                    case .empty:
                        state = .awaited(continuation)
                        return nil
                    case .fulfilled(let result):
                        return result
                    case .awaited:
                        preconditionFailure("a promise is awaited by one task at a time")
                    }
                }
                if let result { continuation.resume(with: result) }
            }
        } onCancel: {
            fail(CancellationError())
        }
    }
}
