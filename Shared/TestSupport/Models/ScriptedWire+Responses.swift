extension ScriptedWire {
    /// Events of a response, each item with all the events that OpenAI sends for it.
    func responses(_ answer: ScriptedAnswer) -> Stream {
        var stream = Stream()
        var number = 0
        var output: [String] = []
        func event(_ type: String, _ members: String) -> String {
            number += 1
            return #"{"type":"response.\#(type)","sequence_number":\#(number),\#(members)}"#
        }
        func response(_ status: String, _ usage: String = "null", _ incomplete: String = "null") -> String {
            #""response":{"id":"resp_1","object":"response","created_at":1,"status":"\#(status)","error":null,"#
                + #""incomplete_details":\#(incomplete),"model":\#(quoted(model)),"output":[\#(output.joined(separator: ","))],"#
                + #""parallel_tool_calls":true,"tool_choice":"auto","tools":[],"store":false,"usage":\#(usage)}"#
        }
        stream.events = [event("created", response("in_progress")), event("in_progress", response("in_progress"))]
        if !answer.reasoning.isEmpty {
            let place = #""output_index":\#(output.count)"#
            let summary = #""summary":[{"type":"summary_text","text":\#(quoted(answer.reasoning))}]"#
            let item = #"{"id":"rs_1","type":"reasoning",\#(summary),"encrypted_content":"c2VjcmV0"}"#
            stream.events.append(
                event("output_item.added", #"\#(place),"item":{"id":"rs_1","type":"reasoning","summary":[]}"#)
            )
            let part = #""item_id":"rs_1",\#(place),"summary_index":0"#
            stream.events.append(
                event("reasoning_summary_part.added", #"\#(part),"part":{"type":"summary_text","text":""}"#)
            )
            for piece in answer.reasoningPieces {
                stream.events.append(event("reasoning_summary_text.delta", #"\#(part),"delta":\#(quoted(piece))"#))
            }
            stream.events.append(
                event("reasoning_summary_text.done", #"\#(part),"text":\#(quoted(answer.reasoning))"#)
            )
            stream.events.append(event("output_item.done", #"\#(place),"item":\#(item)"#))
            output.append(item)
        }
        if !answer.text.isEmpty {
            let place = #""output_index":\#(output.count)"#
            func item(_ status: String, _ content: String) -> String {
                #"{"id":"msg_1","type":"message","status":"\#(status)","role":"assistant","content":[\#(content)]}"#
            }
            let text = #"{"type":"output_text","annotations":[],"logprobs":[],"text":\#(quoted(answer.text))}"#
            let part = #""item_id":"msg_1",\#(place),"content_index":0"#
            stream.events.append(event("output_item.added", #"\#(place),"item":\#(item("in_progress", ""))"#))
            stream.events.append(
                event(
                    "content_part.added",
                    #"\#(part),"part":{"type":"output_text","annotations":[],"logprobs":[],"text":""}"#
                )
            )
            for piece in answer.textPieces {
                stream.events.append(event("output_text.delta", #"\#(part),"delta":\#(quoted(piece)),"logprobs":[]"#))
            }
            stream.events.append(event("output_text.done", #"\#(part),"text":\#(quoted(answer.text)),"logprobs":[]"#))
            stream.events.append(event("content_part.done", #"\#(part),"part":\#(text)"#))
            stream.events.append(event("output_item.done", #"\#(place),"item":\#(item("completed", text))"#))
            output.append(item("completed", text))
        }
        for (index, call) in answer.calls.enumerated() {
            let place = #""output_index":\#(output.count)"#
            func item(_ status: String, _ arguments: String) -> String {
                #"{"id":"fc_\#(index)","type":"function_call","status":"\#(status)","arguments":\#(quoted(arguments)),"#
                    + #""call_id":\#(quoted(call.id)),"name":\#(quoted(call.name))}"#
            }
            let part = #""item_id":"fc_\#(index)",\#(place)"#
            stream.events.append(event("output_item.added", #"\#(place),"item":\#(item("in_progress", ""))"#))
            for piece in ScriptedAnswer.pieces(of: call.arguments, 3) {
                stream.events.append(event("function_call_arguments.delta", #"\#(part),"delta":\#(quoted(piece))"#))
            }
            stream.events.append(
                event("function_call_arguments.done", #"\#(part),"arguments":\#(quoted(call.arguments))"#)
            )
            stream.events.append(
                event("output_item.done", #"\#(place),"item":\#(item("completed", call.arguments))"#)
            )
            output.append(item("completed", call.arguments))
        }
        let usage = ScriptedAnswer.usage
        let counted =
            #"{"input_tokens":\#(usage.input),"input_tokens_details":{"cached_tokens":\#(usage.cached)},"#
            + #""output_tokens":\#(usage.output),"output_tokens_details":{"reasoning_tokens":\#(usage.reasoning)},"#
            + #""total_tokens":\#(usage.input + usage.output)}"#
        stream.end = [
            answer.isCutOff
                ? event("incomplete", response("incomplete", counted, #"{"reason":"max_output_tokens"}"#))
                : event("completed", response("completed", counted))
        ]
        return stream
    }
}
