import Concurrency
import Contracts
import JSON

/// What the official conformance suite calls by name, so that anybody can run it against this server. None of it is
/// there unless MCP_CONFORMANCE_FIXTURES says so.
struct MCPFixtures: Sendable {
    static let png =
        "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg=="
    static let wav = "UklGRiQAAABXQVZFZm10IBAAAAABAAEAQB8AAEAfAAABAAgAZGF0YQAAAAA="
    static let template = "test://template/{id}/data"
    private static let schema = """
        {
          "$schema": "https://json-schema.org/draft/2020-12/schema",
          "type": "object",
          "$defs": {
            "address": {
              "$anchor": "addressDef",
              "type": "object",
              "properties": {"street": {"type": "string"}, "city": {"type": "string"}}
            }
          },
          "properties": {
            "name": {"type": "string"},
            "address": {"$ref": "#/$defs/address"},
            "contactMethod": {"type": "string", "enum": ["phone", "email"]},
            "phone": {"type": "string"},
            "email": {"type": "string"}
          },
          "allOf": [{"anyOf": [{"required": ["phone"]}, {"required": ["email"]}]}],
          "if": {"properties": {"contactMethod": {"const": "phone"}}, "required": ["contactMethod"]},
          "then": {"required": ["phone"]},
          "else": {"required": ["email"]},
          "additionalProperties": false
        }
        """

    /// What became of calls of test_slow.
    final class Slow: Sendable {
        struct Counts {
            var started = 0
            var cancelled = 0
            var done = 0
        }
        let counts = Lock(Counts())
    }

    let slow = Slow()
    let subscriptions: MCPSubscriptions
    private let schema: JSONSchema

    init(_ subscriptions: MCPSubscriptions) throws {
        self.subscriptions = subscriptions
        schema = try JSONSchema(parsing: JSONDocument(parsing: MCPFixtures.schema).root)
    }

    /// The tools.
    var tools: [Tool] {
        contents + behaviours + slowOnes + questions + rounds + [
            tool("json_schema_2020_12_tool", "Takes what its schema says", schema) { _ in .text("ok") }
        ]
    }

    func tool(
        _ name: String,
        _ summary: String,
        _ input: JSONSchema = .object([]),
        output: JSONSchema? = nil,
        timeout: Duration = .seconds(30),
        _ run: @escaping @Sendable (ToolCall) async throws -> ToolAnswer
    ) -> Tool {
        Tool(
            name: name,
            title: name,
            summary: summary,
            input: input,
            output: output,
            effect: .read,
            scope: nil,
            timeout: timeout,
            run: run
        )
    }
}
