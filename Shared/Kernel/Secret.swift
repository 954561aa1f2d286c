/// A value that must not be seen: it prints as dots wherever it is printed, mirrored or interpolated.
public struct Secret<Value: Sendable>: Sendable, CustomStringConvertible, CustomDebugStringConvertible,
    CustomReflectable
{
    private let value: Value

    /// Wraps a value that must not be printed.
    public init(_ value: Value) { self.value = value }

    /// The value itself, taken out deliberately.
    public func reveal() -> Value { value }

    /// Always dots.
    public var description: String { "•••" }
    /// Always dots.
    public var debugDescription: String { "•••" }
    /// Shows nothing of the value.
    public var customMirror: Mirror { Mirror(self, children: []) }
}
