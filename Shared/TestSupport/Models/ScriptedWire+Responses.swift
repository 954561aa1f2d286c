extension ScriptedWire {
    /// Events of a response, each item with all the events that OpenAI sends for it.
    func responses(_ answer: ScriptedAnswer) -> Stream {
        var script = ResponsesScript(model: quoted(model), quoted: quoted)
        script.begin()
        if !answer.reasoning.isEmpty { script.think(answer.reasoning, answer.reasoningPieces) }
        if !answer.text.isEmpty { script.say(answer.text, answer.textPieces) }
        for call in answer.calls { script.call(call) }
        return Stream(events: script.events, end: [script.end(isCutOff: answer.isCutOff)])
    }
}

/// Writes a response item by item. `part` is where an event belongs, `item` what it belongs to.
private struct ResponsesScript {
    let model: String
    let quoted: (String) -> String
    private(set) var events: [String] = []
    /// The items that are whole.
    private var output: [String] = []

    init(model: String, quoted: @escaping (String) -> String) {
        self.model = model
        self.quoted = quoted
    }

    mutating func begin() {
        add("created", response("in_progress"))
        add("in_progress", response("in_progress"))
    }

    mutating func think(_ text: String, _ pieces: [String]) {
        let part = #""item_id":"rs_1",\#(place),"summary_index":0"#
        add("output_item.added", #"\#(place),"item":{"id":"rs_1","type":"reasoning","summary":[]}"#)
        add("reasoning_summary_part.added", #"\#(part),"part":{"type":"summary_text","text":""}"#)
        for piece in pieces { add("reasoning_summary_text.delta", #"\#(part),"delta":\#(quoted(piece))"#) }
        add("reasoning_summary_text.done", #"\#(part),"text":\#(quoted(text))"#)
        let summary = #""summary":[{"type":"summary_text","text":\#(quoted(text))}]"#
        finish(#"{"id":"rs_1","type":"reasoning",\#(summary),"encrypted_content":"c2VjcmV0"}"#)
    }

    mutating func say(_ text: String, _ pieces: [String]) {
        func item(_ status: String, _ content: String) -> String {
            #"{"id":"msg_1","type":"message","status":"\#(status)","role":"assistant","content":[\#(content)]}"#
        }
        func content(_ text: String) -> String {
            #"{"type":"output_text","annotations":[],"logprobs":[],"text":\#(quoted(text))}"#
        }
        let part = #""item_id":"msg_1",\#(place),"content_index":0"#
        add("output_item.added", #"\#(place),"item":\#(item("in_progress", ""))"#)
        add("content_part.added", #"\#(part),"part":\#(content(""))"#)
        for piece in pieces { add("output_text.delta", #"\#(part),"delta":\#(quoted(piece)),"logprobs":[]"#) }
        add("output_text.done", #"\#(part),"text":\#(quoted(text)),"logprobs":[]"#)
        add("content_part.done", #"\#(part),"part":\#(content(text))"#)
        finish(item("completed", content(text)))
    }

    mutating func call(_ call: ScriptedAnswer.Call) {
        let id = "fc_\(output.count)"
        func item(_ status: String, _ arguments: String) -> String {
            #"{"id":"\#(id)","type":"function_call","status":"\#(status)","arguments":\#(quoted(arguments)),"#
                + #""call_id":\#(quoted(call.id)),"name":\#(quoted(call.name))}"#
        }
        let part = #""item_id":"\#(id)",\#(place)"#
        add("output_item.added", #"\#(place),"item":\#(item("in_progress", ""))"#)
        for piece in ScriptedAnswer.pieces(of: call.arguments, 3) {
            add("function_call_arguments.delta", #"\#(part),"delta":\#(quoted(piece))"#)
        }
        add("function_call_arguments.done", #"\#(part),"arguments":\#(quoted(call.arguments))"#)
        finish(item("completed", call.arguments))
    }

    /// The event that ends the response.
    func end(isCutOff: Bool) -> String {
        let usage = ScriptedAnswer.usage
        let counted =
            #"{"input_tokens":\#(usage.input),"input_tokens_details":{"cached_tokens":\#(usage.cached)},"#
            + #""output_tokens":\#(usage.output),"output_tokens_details":{"reasoning_tokens":\#(usage.reasoning)},"#
            + #""total_tokens":\#(usage.input + usage.output)}"#
        return isCutOff
            ? event("incomplete", response("incomplete", counted, #"{"reason":"max_output_tokens"}"#))
            : event("completed", response("completed", counted))
    }

    private var place: String { #""output_index":\#(output.count)"# }

    private mutating func finish(_ item: String) {
        add("output_item.done", #"\#(place),"item":\#(item)"#)
        output.append(item)
    }

    private mutating func add(_ type: String, _ members: String) { events.append(event(type, members)) }

    private func event(_ type: String, _ members: String) -> String {
        #"{"type":"response.\#(type)","sequence_number":\#(events.count),\#(members)}"#
    }

    private func response(_ status: String, _ usage: String = "null", _ incomplete: String = "null") -> String {
        #""response":{"id":"resp_1","object":"response","created_at":1,"status":"\#(status)","error":null,"#
            + #""incomplete_details":\#(incomplete),"model":\#(model),"output":[\#(output.joined(separator: ","))],"#
            + #""parallel_tool_calls":true,"tool_choice":"auto","tools":[],"store":false,"usage":\#(usage)}"#
    }
}
