/// Something wrong with a value.
public struct JSONIssue: Sendable, Hashable, JSONWritable {
    /// Where, as a JSON pointer; empty for the whole value.
    public let pointer: String
    /// What is wrong, in a sentence without the value itself.
    public let message: String

    /// A mistake at a place.
    public init(pointer: String, message: String) {
        self.pointer = pointer
        self.message = message
    }

    /// Writes `{"pointer":…,"message":…}`.
    public func write(to json: inout JSONWriter) {
        json.object {
            $0.member("pointer", pointer)
            $0.member("message", message)
        }
    }
}
