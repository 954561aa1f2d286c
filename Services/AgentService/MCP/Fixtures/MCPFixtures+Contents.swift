/// Tools that answer with contents of all kinds.
extension MCPFixtures {
    var contents: [Tool] {
        [
            tool("test_simple_text", "Returns a text") { _ in .text("This is a simple text response for testing.") },
            tool("test_image_content", "Returns an image") { _ in
                ToolAnswer(content: [.image(base64: MCPFixtures.png, type: "image/png")])
            },
            tool("test_audio_content", "Returns a sound") { _ in
                ToolAnswer(content: [.audio(base64: MCPFixtures.wav, type: "audio/wav")])
            },
            tool("test_embedded_resource", "Returns a resource") { _ in
                ToolAnswer(content: [
                    .resource(
                        uri: "test://embedded-resource",
                        type: "text/plain",
                        text: "This is an embedded resource content."
                    )
                ])
            },
            tool("test_multiple_content_types", "Returns a text, an image and a resource") { _ in
                ToolAnswer(content: [
                    .text("Multiple content types test:"), .image(base64: MCPFixtures.png, type: "image/png"),
                    .resource(
                        uri: "test://mixed-content-resource",
                        type: "application/json",
                        text: #"{"test":"data","value":123}"#
                    ),
                ])
            },
        ]
    }
}
