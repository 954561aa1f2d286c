import Concurrency
import JSON
import Testing

@testable import LanguageModels

@Suite struct RulesModelTests {
    private static let script = """
        Let me look.
        /card.find {"title": "Lark", "deep": {"n": [1]}}
        /card.list
        ---
        /job.start {"card": "${card.find.cards.1.id}", "note": "of ${card.find.count} cards, ${nowhere.x}", "n": "${card.find.count}"}
        """

    private func ask(_ messages: [ModelMessage], _ choice: ToolChoice = .auto) async throws -> (
        ModelReply, [ModelDelta]
    ) {
        let deltas = Log()
        let request = ModelRequest(model: "rules", messages: messages, choice: choice, id: "1")
        let reply = try await RulesModel().reply(to: request, trace: nil) { deltas.add($0) }
        return (reply, deltas.all)
    }

    private final class Log: Sendable {
        private let content = Lock<[ModelDelta]>([])
        func add(_ delta: ModelDelta) { content.withLock { $0.append(delta) } }
        var all: [ModelDelta] { content.withLock { $0 } }
    }

    private func results(_ reply: ModelReply, _ texts: [String]) -> ModelMessage {
        ModelMessage(
            .tool,
            zip(reply.message.toolCalls, texts)
                .map { .toolResult(ModelToolResult(callID: $0.id, name: $0.name, text: $1)) }
        )
    }

    @Test func `a script is played stage by stage, with members of results, and ends with what they were`() async throws
    {
        var messages = [ModelMessage(.user, [.text(Self.script)])]
        let (first, deltas) = try await ask(messages)
        #expect(first.message.text == "Let me look.")
        #expect(first.finish == .toolCalls)
        #expect(first.message.toolCalls.map(\.name) == ["card.find", "card.list"])
        #expect(first.message.toolCalls[0].arguments == RawJSON(#"{"title":"Lark","deep":{"n":[1]}}"#))
        #expect(first.message.toolCalls[1].arguments == .emptyObject)
        #expect(
            deltas == [
                .text("Let "), .text("me "), .text("look."), .toolCall(name: "card.find"), .toolCall(name: "card.list"),
            ]
        )
        messages += [first.message, results(first, [#"{"count":2,"cards":[{"id":"a"},{"id":"b"}]}"#, "none"])]
        let (second, _) = try await ask(messages)
        #expect(
            second.message.toolCalls.map(\.arguments) == [
                RawJSON(#"{"card":"b","note":"of 2 cards, ${nowhere.x}","n":2}"#)
            ]
        )
        #expect(Set(second.message.toolCalls.map(\.id)).isDisjoint(with: first.message.toolCalls.map(\.id)))
        messages += [second.message, results(second, ["started\nnow"])]
        let (last, _) = try await ask(messages)
        #expect(last.finish == .stop)
        #expect(
            last.message.text
                == "That was all.\ncard.find: {\"count\":2,\"cards\":[{\"id\":\"a\"},{\"id\":\"b\"}]}\ncard.list: none\njob.start: started now"
        )
        #expect(last.usage.isEstimated && last.usage.inputTokens > 50 && last.usage.outputTokens > 10)
        #expect(try await ask(messages).0.message == last.message)
    }

    @Test func `an answer is exactly the JSON that the script says`() async throws {
        let script = "/f {}\n---\nignored\n= {\"id\": \"${f.id}\"}"
        var messages = [ModelMessage(.user, [.text(script)])]
        let (first, _) = try await ask(messages)
        messages += [first.message, results(first, [#"{"id":7}"#])]
        #expect(try await ask(messages).0.message.parts == [.text(#"{"id":7}"#)])
        #expect(try await ask([ModelMessage(.user, [.text("= [1, 2]")])]).0.message.text == "[1, 2]")
    }

    @Test func `where no tools may be called, none are, and it says so`() async throws {
        let (reply, _) = try await ask([ModelMessage(.user, [.text(Self.script)])], .none)
        #expect(reply.finish == .stop)
        #expect(reply.message.toolCalls.isEmpty)
        #expect(reply.message.text.contains("I would have called card.find, card.list"))
    }

    @Test func `arguments that are no object are called with, as models do`() async throws {
        let (reply, _) = try await ask([ModelMessage(.user, [.text("/f {\"x\":")])])
        #expect(reply.message.toolCalls.first?.defect != nil)
        #expect(reply.message.toolCalls.first?.text == "{\"x\":")
    }

    @Test func `what is no script is answered with what rules is`() async throws {
        for text in ["Hello, and/or\n--- goodbye", "a/b", "/ 1", "=1"] {
            let (reply, _) = try await ask([ModelMessage(.user, [.text(text)])])
            #expect(reply.message.text.contains("not a language model"))
            #expect(reply.message.text.hasSuffix("You said: \(text)"))
            #expect(reply.finish == .stop)
        }
    }
}
