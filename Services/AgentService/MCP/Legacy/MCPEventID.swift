import Kernel

/// What an event of a legacy stream is called: `<stream>.<number>`. A question to the client has its event's id.
struct MCPEventID: Sendable, Hashable, LosslessStringConvertible {
    let stream: UUID
    let number: Int

    init(stream: UUID, number: Int) {
        self.stream = stream
        self.number = number
    }

    init?(_ text: String) {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 2, let stream = UUID(String(parts[0])), let number = Int(parts[1]),
            (0...Int(Int32.max)).contains(number)
        else { return nil }
        self.init(stream: stream, number: number)
    }

    var description: String { "\(stream).\(number)" }
}
