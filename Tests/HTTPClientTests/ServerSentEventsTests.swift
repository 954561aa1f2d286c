import Testing

@testable import HTTPClient

@Suite(.timeLimit(.minutes(1))) struct ServerSentEventsTests {
    private static let stream =
        "\u{FEFF}: comment\r\nevent: add\ndata: ümläut 🚀\rdata:  two\r\nid: 7\r\n\r\n"
        + "data\n\nretry: 1500\nretry: x\nid\ndata: a:b\nunknown: z\n\n"
        + "id: 9\u{0}\nevent: lost\n\ndata:last\n\ndata: cut off"

    private static let expected: [ServerSentEvent] = [
        .init(type: "add", data: "ümläut 🚀\n two", lastEventID: "7"),
        .init(type: "message", data: "", lastEventID: "7"),
        .init(type: "message", data: "a:b", lastEventID: ""),
        .init(type: "message", data: "last", lastEventID: ""),
    ]

    @Test func `every split of the stream gives the same events`() throws {
        let bytes = Array(Self.stream.utf8)
        for first in 0...bytes.count {
            for second in stride(from: first, through: bytes.count, by: 7) {
                var reader = ServerSentEvents()
                var events = try reader.feed(bytes[..<first])
                events += try reader.feed(bytes[first..<second])
                events += try reader.feed(bytes[second...])
                #expect(events == Self.expected)
                #expect(reader.retry == .milliseconds(1500) && reader.lastEventID.isEmpty)
            }
        }
    }

    @Test func `bytes one by one give the same events`() throws {
        var reader = ServerSentEvents()
        var events: [ServerSentEvent] = []
        for byte in Self.stream.utf8 { events += try reader.feed([byte]) }
        #expect(events == Self.expected)
    }

    @Test func `an event without an end is refused at the limit`() throws {
        var reader = ServerSentEvents(maximumEventBytes: 20)
        let small = try reader.feed(Array("data: 123\n\ndata: 456\n\n".utf8))
        #expect(small.count == 2)
        var lines = reader
        #expect(throws: ServerSentEvents.TooLarge.self) { try reader.feed(Array(repeating: 65, count: 21)) }
        #expect(throws: ServerSentEvents.TooLarge.self) {
            for _ in 0..<5 { _ = try lines.feed(Array("data: 12345\n".utf8)) }
        }
    }
}
