import JSON

/// Tools that ask their caller.
extension MCPFixtures {
    /// The schema of a form with one text in it.
    static func text(_ name: String) -> RawJSON {
        RawJSON(#"{"type":"object","properties":{"\#(name)":{"type":"string"}},"required":["\#(name)"]}"#)
    }

    private static let name = InputRequest.form("What is your name?", schema: text("name"))
    private static let confirmation = InputRequest.form(
        "Please confirm",
        schema: RawJSON(#"{"type":"object","properties":{"ok":{"type":"boolean"}},"required":["ok"]}"#)
    )
    private static let user = RawJSON(
        #"{"type":"object","properties":{"username":{"type":"string"},"email":{"type":"string"}}}"#
    )
    private static let defaults = RawJSON(
        """
        {"type":"object","properties":{
          "name":{"type":"string","default":"John Doe"},
          "age":{"type":"integer","default":30},
          "score":{"type":"number","default":95.5},
          "status":{"type":"string","enum":["active","inactive","pending"],"default":"active"},
          "verified":{"type":"boolean","default":true}
        }}
        """
    )
    private static let choices = RawJSON(
        """
        {"type":"object","properties":{
          "untitledSingle":{"type":"string","enum":["option1","option2","option3"]},
          "titledSingle":{"type":"string","oneOf":[
            {"const":"value1","title":"First Option"},{"const":"value2","title":"Second Option"},
            {"const":"value3","title":"Third Option"}]},
          "legacyEnum":{"type":"string","enum":["opt1","opt2","opt3"],
            "enumNames":["Option One","Option Two","Option Three"]},
          "untitledMulti":{"type":"array","items":{"type":"string","enum":["option1","option2","option3"]}},
          "titledMulti":{"type":"array","items":{"anyOf":[
            {"const":"value1","title":"First Choice"},{"const":"value2","title":"Second Choice"},
            {"const":"value3","title":"Third Choice"}]}}
        }}
        """
    )

    /// Those that ask one thing, and say what was answered.
    var questions: [Tool] {
        [
            tool("test_sampling", "Asks the caller's model", .object([.required("prompt", .string())])) { call in
                let prompt = call.arguments["prompt"]?.string ?? ""
                return said("LLM response", try call.caller.ask("answer", .sampling(prompt, maxTokens: 100)))
            },
            tool("test_elicitation", "Asks for a user", .object([.required("message", .string())])) { call in
                let message = call.arguments["message"]?.string ?? ""
                return said("User response", try call.caller.ask("user", .form(message, schema: MCPFixtures.user)))
            },
            tool("test_elicitation_sep1034_defaults", "Asks with defaults") { call in
                said("Done", try call.caller.ask("form", .form("Look it over", schema: MCPFixtures.defaults)))
            },
            tool("test_elicitation_sep1330_enums", "Asks for choices") { call in
                said("Done", try call.caller.ask("form", .form("Choose", schema: MCPFixtures.choices)))
            },
            tool("test_missing_capability", "Needs a caller with a model") { call in
                said("Done", try call.caller.ask("needs_sampling", .sampling("Say hello", maxTokens: 10)))
            },
            tool("test_streaming_elicitation", "Asks for a name") { call in
                said("Done", try call.caller.ask("stream_name", MCPFixtures.name))
            },
        ]
    }

    /// Those whose rounds the suite follows.
    var rounds: [Tool] {
        func round(_ name: String, _ run: @escaping @Sendable (CallerInput) throws -> ToolAnswer) -> Tool {
            tool("test_input_required_result_\(name)", "Asks, and goes on with what is answered") { try run($0.caller) }
        }
        let capital = InputRequest.sampling("What is the capital of France?", maxTokens: 100)
        return [
            round("elicitation") { caller in
                let answer = try caller.ask("user_name", MCPFixtures.name)
                return .text("Hello, \(answer["content"]?["name"]?.string ?? "stranger")!")
            },
            round("sampling") { said("The model says", try $0.ask("capital_question", capital)) },
            round("list_roots") { said("The roots", try $0.ask("client_roots", .roots)) },
            round("request_state") { said("state-ok", try $0.ask("confirm", MCPFixtures.confirmation)) },
            round("tampered_state") { said("state-ok", try $0.ask("confirm", MCPFixtures.confirmation)) },
            round("multiple_inputs") { caller in
                let greeting = InputRequest.sampling("Generate a greeting", maxTokens: 50)
                let answers = try caller.ask([
                    "user_name": MCPFixtures.name, "greeting": greeting, "client_roots": .roots,
                ])
                return .text("All of \(answers.keys.sorted())")
            },
            round("multi_round") { caller in
                let name = try caller.fill("step1", "Step 1: What is your name?", schema: MCPFixtures.text("name"))
                let color = try caller.fill(
                    "step2",
                    "Step 2: What is your favorite color?",
                    schema: MCPFixtures.text("color")
                )
                return .text("\(name?["name"]?.string ?? "") likes \(color?["color"]?.string ?? "")")
            },
            round("capabilities") { caller in
                let all: [InputRequest] = [MCPFixtures.name, capital, .roots]
                let possible = all.filter { caller.kinds.contains($0.kind) }
                _ = try caller.ask(Dictionary(possible.map { ($0.kind.rawValue, $0) }) { $1 })
                return .text("Asked for \(possible.map(\.kind.rawValue))")
            },
        ]
    }

    private func said(_ what: String, _ answer: JSONElement) -> ToolAnswer {
        .text("\(what): \(String(decoding: answer.raw.bytes, as: UTF8.self))")
    }
}
