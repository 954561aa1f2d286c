import Contracts
import Testing

@Suite struct PositionTests {
    @Test func `round trips and orders`() throws {
        let position = try #require(Position("k3f9.1841.99"))
        #expect(position == Position(epoch: "k3f9", transaction: 1841, row: 99))
        #expect(position.description == "k3f9.1841.99")
        #expect(position.isBefore(Position(epoch: "k3f9", transaction: 1841, row: 100)))
        #expect(position.isBefore(Position(epoch: "k3f9", transaction: 1842, row: 1)))
        #expect(!position.isBefore(Position(epoch: "other", transaction: 1842, row: 1)))
        #expect(!position.isBefore(position))
    }

    @Test(arguments: [
        "", "1.2", "a.1.2.3", ".1.2", "a.-1.2", "a.1.-2", "a.+1.2", "A.1.2", "a.1.2 ", "a.18446744073709551616.1",
        "a.1.9223372036854775808", "abcdefghijklmnopq.1.2",
    ])
    func `refuses other text`(text: String) { #expect(Position(text) == nil) }
}
