import JSON
import Kernel
import TestSupport

@testable import AgentService

extension StatementTests {
    /// The statements of MCP.
    static var mcpStatements: [StatementCatalogue.Entry] {
        let stream = IdentifierSource().uuid()
        let event = MCPOutbox.Event(number: 1, message: Array("{}".utf8))
        let question = MCPEventID(stream: stream, number: 1)
        return [
            ("mcp open", MCPStatements.open([1], principal: "me", version: "v", kinds: [.form])),
            ("mcp find", MCPStatements.find([1], principal: "me")), ("mcp touch", MCPStatements.touch([1])),
            ("mcp severity", MCPStatements.set(.debug, of: [1])),
            ("mcp subscribe", MCPStatements.subscribe([1], to: "a", atMost: 1)),
            ("mcp unsubscribe", MCPStatements.unsubscribe([1], from: "a")),
            ("mcp listen", MCPStatements.listen([1], as: stream)),
            ("mcp subscriptions", MCPStatements.subscriptions(of: stream)),
            ("mcp close", MCPStatements.close([1], principal: "me")),
            ("mcp stream open", MCPStreamStatements.open(stream, session: [1], request: RawJSON("1"))),
            ("mcp stream append", MCPStreamStatements.append([event], to: stream, ends: true)),
            ("mcp stream events", MCPStreamStatements.events(of: stream, session: [1], after: 1, atMost: 1)),
            ("mcp stream bury", MCPStreamStatements.bury(stream, message: .emptyObject)),
            ("mcp stream cancel", MCPStreamStatements.cancel(RawJSON("1"), session: [1])),
            ("mcp stream take", MCPStreamStatements.take(.emptyObject, to: question, session: [1])),
            ("mcp stream answers", MCPStreamStatements.answers(of: stream, to: [1])),
            ("mcp stream revisions", MCPStreamStatements.revisions(of: [stream])),
        ]
    }
}
