import Contracts
import Testing

@Suite struct ContextPatternTests {
    static let id = "019ca8ba-0000-7000-8000-000000000001"
    static let other = "019ca8ba-0000-7000-8000-000000000002"

    @Test(arguments: [
        (id, id), ("card:\(id)", id), (id, "card:\(id)"), ("card:*", id), ("card:019ca8ba-*", id), ("*", id),
        ("job:*", "job:\(id)"), ("queue:gpu-*", "queue:gpu-1"), ("queue:gpu-*", "queue:gpu-"), ("all", "all"),
        ("*", "queue:x"),
    ])
    func `allows`(pattern: String, context: String) throws {
        #expect(try #require(ContextPattern(pattern)).matches(try #require(ContextID(context))))
    }

    @Test(arguments: [
        (id, other), ("card:*", "job:\(id)"), ("*", "all"), ("queue:gpu-*", "queue:gpu"), ("queue:gpu", "queue:gpu-1"),
        ("project:\(id)", "project:\(other)"), ("queue:*", "all"), ("all", "queue:all"),
    ])
    func `does not allow`(pattern: String, context: String) throws {
        #expect(try #require(ContextPattern(pattern)).matches(try #require(ContextID(context))) == false)
    }

    @Test(arguments: ["", "card", "card:", "user:*", "c*", "card:*x", "card:**", "**", "al*", "queue:a b", ":*"])
    func `is no pattern`(text: String) { #expect(ContextPattern(text) == nil) }

    @Test(arguments: ["card:*", "*", "all", "queue:gpu-*", "thread:*", "run:*", "project:\(id)"])
    func `round trips`(text: String) { #expect(ContextPattern(text)?.description == text) }
}
