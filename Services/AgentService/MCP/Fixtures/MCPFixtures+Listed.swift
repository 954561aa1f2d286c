import JSON

/// Prompts, resources and templates.
extension MCPFixtures {
    /// The prompts.
    var prompts: [MCPPrompt] {
        let two = ["arg1", "arg2"].map { MCPPrompt.Argument(name: $0, summary: "Any text") }
        return [
            MCPPrompt(name: "test_simple_prompt", title: "Simple", summary: "A prompt without arguments") { _, _ in
                [.text("This is a simple prompt for testing.")]
            },
            MCPPrompt(
                name: "test_prompt_with_arguments",
                title: "Two",
                summary: "Takes two",
                arguments: two
            ) { given, _ in
                [.text("Prompt with arguments: arg1='\(given["arg1"] ?? "")', arg2='\(given["arg2"] ?? "")'")]
            },
            MCPPrompt(
                name: "test_prompt_with_embedded_resource",
                title: "Resource",
                summary: "Embeds a resource",
                arguments: [MCPPrompt.Argument(name: "resourceUri", summary: "Its URI")]
            ) { given, _ in
                [
                    .resource(
                        uri: given["resourceUri"] ?? "",
                        type: "text/plain",
                        text: "Embedded resource content for testing."
                    ), .text("Please process the embedded resource above."),
                ]
            },
            MCPPrompt(
                name: "test_input_required_result_prompt",
                title: "Asking",
                summary: "Asks for a context"
            ) { _, caller in
                let schema = MCPFixtures.text("context")
                let given = try caller.fill("user_context", "What context should the prompt use?", schema: schema)
                return [.text("The context: \(given?["context"]?.string ?? "none")")]
            },
            MCPPrompt(name: "test_prompt_with_image", title: "Image", summary: "Embeds an image") { _, _ in
                [.image(base64: MCPFixtures.png, type: "image/png"), .text("Please analyze the image above.")]
            },
        ]
    }

    /// The resources as they are listed.
    var resources: [RawJSON] {
        [
            RawJSON(#"{"uri":"test://static-text","name":"static-text","mimeType":"text/plain"}"#),
            RawJSON(#"{"uri":"test://static-binary","name":"static-binary","mimeType":"image/png"}"#),
            RawJSON(#"{"uri":"test://watched-resource","name":"watched-resource","mimeType":"text/plain"}"#),
        ]
    }

    /// The templates as they are listed.
    var templates: [RawJSON] {
        [RawJSON(#"{"uriTemplate":"test://template/{id}/data","name":"template","mimeType":"application/json"}"#)]
    }

    func holds(_ template: String) -> Bool { template == MCPFixtures.template }

    func read(_ uri: String) -> MCPContents? {
        switch uri {
        case "test://static-text":
            return MCPContents(uri: uri, type: "text/plain", text: "This is the content of the static text resource.")
        case "test://static-binary": return MCPContents(uri: uri, type: "image/png", blob: MCPFixtures.png)
        case "test://watched-resource": return MCPContents(uri: uri, type: "text/plain", text: "It does not change.")
        default:
            guard uri.hasPrefix("test://template/"), uri.hasSuffix("/data") else { return nil }
            let id = String(uri.dropFirst(16).dropLast(5))
            let text = JSONWriter.bytes { json in
                json.object {
                    $0.member("id", id)
                    $0.member("templateTest", true)
                    $0.member("data", "Data for ID: \(id)")
                }
            }
            return MCPContents(uri: uri, type: "application/json", text: String(decoding: text, as: UTF8.self))
        }
    }
}
