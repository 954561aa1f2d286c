import JSON
import MCPClient

extension FuzzTarget {
    /// What servers of MCP answer.
    static let mcpAnswers: [FuzzTarget] = [
        FuzzTarget(
            "mcp-answer",
            [
                #"{"content":[{"type":"text","text":"a"},{"type":"image","data":"AA==","mimeType":"image/png"}]}"#,
                #"{"content":[{"type":"resource","resource":{"uri":"x:","blob":"AA=="}}],"isError":true}"#,
                #"{"resultType":"complete","content":[],"structuredContent":{"n":[1,2.5,null]}}"#,
            ]
        ) { input, _ in
            guard let json = parsed(input) else { return false }
            let answer: RemoteAnswer
            do {
                answer = try RemoteAnswer(json)
            } catch {
                return false
            }
            guard answer.content.count <= RemoteAnswer.maximumBlocks else { throw Broken("too many pieces") }
            return true
        },
        FuzzTarget(
            "mcp-tools",
            [
                #"{"tools":[{"name":"a","inputSchema":{"type":"object","properties":{"x":{"type":"string"}}}}]}"#,
                #"{"tools":[{"name":"a/b.c","title":"T","description":"d","inputSchema":{"type":"object"}}],"nextCursor":"n"}"#,
                """
                {"tools":[{"name":"h","inputSchema":{"type":"object","properties":{"r":{"type":"string",
                "x-mcp-header":"Region"}},"$defs":{"d":{"not":{}}}},"annotations":{"readOnlyHint":true}}]}
                """,
            ]
        ) { input, _ in
            guard let json = parsed(input) else { return false }
            var list = ToolList()
            do {
                _ = try list.take(json)
            } catch {
                return false
            }
            guard list.tools.count <= ToolList.maximumTools else { throw Broken("more tools than there may be") }
            guard Set(list.tools.map(\.name)).count == list.tools.count else { throw Broken("two tools of one name") }
            for tool in list.tools {
                guard (1...128).contains(tool.name.utf8.count) else { throw Broken("a name that is none") }
                guard parsed(tool.input.bytes)?["type"]?.string == "object" else {
                    throw Broken("a schema that is none")
                }
            }
            return true
        },
    ]

    private static func parsed(_ input: [UInt8]) -> JSONElement? {
        do {
            return try JSONDocument(parsing: input).root
        } catch {
            return nil
        }
    }
}
