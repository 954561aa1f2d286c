import Testing

@testable import RabbitMQ

@Suite(.timeLimit(.minutes(1))) struct DeliveryAssemblerTests {
    private let start = DeliveryAssembler.Start.delivery(tag: 1, redelivered: false, exchange: "", routingKey: "q")

    @Test func `a body may come in any fragments`() throws {
        let body = Array(UInt8(0)..<12)
        for cut in 1..<11 {
            var assembler = DeliveryAssembler()
            try assembler.begin(start)
            let parts = [
                try assembler.header(MessageProperties(), size: 12), try assembler.body(Array(body[..<cut])),
                try assembler.body(Array(body[cut..<11])),
            ]
            #expect(parts == [nil, nil, nil])
            let content = try assembler.body([11])
            #expect(content?.body == body && content?.start == start)
            // And it is ready for the next.
            try assembler.begin(start)
            let empty = try assembler.header(MessageProperties(), size: 0)
            #expect(empty?.body == [])
        }
    }

    @Test func `frames out of order are refused`() throws {
        var assembler = DeliveryAssembler()
        #expect(throws: BrokerError.self) { try assembler.body([1]) }
        #expect(throws: BrokerError.self) { try assembler.header(MessageProperties(), size: 1) }
        try assembler.begin(start)
        #expect(throws: BrokerError.self) { try assembler.begin(start) }
        #expect(throws: BrokerError.self) { try assembler.body([1]) }
        _ = try assembler.header(MessageProperties(), size: 1)
        #expect(throws: BrokerError.self) { try assembler.body([1, 2]) }
        #expect(throws: BrokerError.self) {
            try assembler.begin(start)
            _ = try assembler.header(MessageProperties(), size: .max)
        }
    }
}

extension DeliveryAssembler.Content: Equatable {
    static func == (left: Self, right: Self) -> Bool {
        left.start == right.start && left.properties == right.properties && left.body == right.body
    }
}
