extension ScriptedWire {
    /// Ollama's lines: calls whole and without ids.
    func ollama(_ answer: ScriptedAnswer) -> Stream {
        func line(_ message: String, _ rest: String = #""done":false"#) -> String {
            #"{"model":\#(quoted(model)),"created_at":"2026-01-01T00:00:00Z","message":{"role":"assistant",\#(message)},\#(rest)}"#
        }
        var stream = Stream()
        stream.events += answer.reasoningPieces.map { line(#""content":"","thinking":\#(quoted($0))"#) }
        stream.events += answer.textPieces.map { line(#""content":\#(quoted($0))"#) }
        if !answer.calls.isEmpty {
            let calls = answer.calls.map { #"{"function":{"name":\#(quoted($0.name)),"arguments":\#($0.arguments)}}"# }
            stream.events.append(line(#""content":"","tool_calls":[\#(calls.joined(separator: ","))]"#))
        }
        let usage = ScriptedAnswer.usage
        stream.end = [
            line(
                #""content":"""#,
                #""done":true,"done_reason":"\#(answer.isCutOff ? "length" : "stop")","total_duration":1,"#
                    + #""prompt_eval_count":\#(usage.input),"eval_count":\#(usage.output)"#
            )
        ]
        return stream
    }
}
