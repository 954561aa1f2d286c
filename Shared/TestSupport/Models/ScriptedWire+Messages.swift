extension ScriptedWire {
    /// Events of a message of Anthropic's, with a ping.
    func messages(_ answer: ScriptedAnswer) -> Stream {
        let usage = ScriptedAnswer.usage
        var stream = Stream()
        var blocks = 0
        func block(_ start: String, _ deltas: [String]) {
            let place = #""index":\#(blocks)"#
            blocks += 1
            stream.events.append(#"{"type":"content_block_start",\#(place),"content_block":\#(start)}"#)
            stream.events += deltas.map { #"{"type":"content_block_delta",\#(place),"delta":\#($0)}"# }
            stream.events.append(#"{"type":"content_block_stop",\#(place)}"#)
        }
        stream.events.append(
            #"{"type":"message_start","message":{"id":"msg_1","type":"message","role":"assistant","content":[],"#
                + #""model":\#(quoted(model)),"stop_reason":null,"stop_sequence":null,"usage":{"#
                + #""input_tokens":\#(usage.input - usage.cached),"cache_creation_input_tokens":0,"#
                + #""cache_read_input_tokens":\#(usage.cached),"output_tokens":1}}}"#
        )
        stream.events.append(#"{"type":"ping"}"#)
        if !answer.reasoning.isEmpty {
            let deltas = answer.reasoningPieces.map { #"{"type":"thinking_delta","thinking":\#(quoted($0))}"# }
            block(
                #"{"type":"thinking","thinking":"","signature":""}"#,
                deltas + [#"{"type":"signature_delta","signature":"c2lnbmVk"}"#]
            )
        }
        if !answer.text.isEmpty {
            block(
                #"{"type":"text","text":""}"#,
                answer.textPieces.map { #"{"type":"text_delta","text":\#(quoted($0))}"# }
            )
        }
        for call in answer.calls {
            let pieces = call.arguments == "{}" ? [""] : ScriptedAnswer.pieces(of: call.arguments, 3)
            block(
                #"{"type":"tool_use","id":\#(quoted(call.id)),"name":\#(quoted(call.name)),"input":{}}"#,
                pieces.map { #"{"type":"input_json_delta","partial_json":\#(quoted($0))}"# }
            )
        }
        let reason = answer.isCutOff ? "max_tokens" : answer.calls.isEmpty ? "end_turn" : "tool_use"
        stream.end = [
            #"{"type":"message_delta","delta":{"stop_reason":"\#(reason)","stop_sequence":null},"#
                + #""usage":{"output_tokens":\#(usage.output)}}"#,
            #"{"type":"message_stop"}"#,
        ]
        return stream
    }
}
