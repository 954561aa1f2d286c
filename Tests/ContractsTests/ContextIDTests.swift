import Contracts
import Testing

@Suite struct ContextIDTests {
    static let id = "019ca8ba-0000-7000-8000-000000000001"

    @Test(arguments: ["job:\(id)", "project:\(id)", "queue:default", "thread:\(id)", "run:\(id)", "all", id])
    func `round trips`(text: String) { #expect(ContextID(text)?.description == text) }

    @Test func `a bare id is a card's`() { #expect(ContextID(Self.id) == ContextID("card:\(Self.id)")) }

    @Test(arguments: ["", "card:", "card:x", "job:all", "queue:", "queue:a b", "user:\(id)", "ALL", "queue:-x"])
    func `refuses other text`(text: String) { #expect(ContextID(text) == nil) }
}
