/// A value that is touched on one loop only, without a lock: tables of sockets and the like.
public final class LoopConfined<Value>: @unchecked Sendable {
    // Sendable: every access checks that it is on the loop's one thread.
    private let loop: EventLoop
    private var value: Value

    /// Confines `value` to `loop`; made on any thread.
    public init(_ loop: EventLoop, _ value: sending Value) {
        self.loop = loop
        self.value = value
    }

    /// Gives `body` the value. Traps when called off the loop.
    public func withValue<Result, Failure: Error>(_ body: (inout Value) throws(Failure) -> Result) throws(Failure)
        -> Result
    {
        precondition(loop.isCurrent, "a loop's value is used on the loop only")
        return try body(&value)
    }
}
