extension ScriptedWire {
    /// Chunks of a chat completion.
    func chat(_ answer: ScriptedAnswer) -> Stream {
        func chunk(_ delta: String, _ finish: String = "null") -> String {
            #"{"id":"chatcmpl-1","object":"chat.completion.chunk","created":1,"model":\#(quoted(model)),"#
                + #""choices":[{"index":0,"delta":\#(delta),"logprobs":null,"finish_reason":\#(finish)}],"usage":null}"#
        }
        var stream = Stream()
        stream.events.append(chunk(#"{"role":"assistant","content":"","refusal":null}"#))
        stream.events += answer.reasoningPieces.map { chunk(#"{"reasoning_content":\#(quoted($0))}"#) }
        stream.events += answer.textPieces.map { chunk(#"{"content":\#(quoted($0))}"#) }
        stream.events += calls(answer).map { chunk(#"{"tool_calls":[\#($0)]}"#) }
        let usage = ScriptedAnswer.usage
        let finish = answer.isCutOff ? "length" : answer.calls.isEmpty ? "stop" : "tool_calls"
        stream.end = [
            chunk("{}", "\"\(finish)\""),
            #"{"id":"chatcmpl-1","object":"chat.completion.chunk","created":1,"model":\#(quoted(model)),"choices":[],"#
                + #""usage":{"prompt_tokens":\#(usage.input),"completion_tokens":\#(usage.output),"#
                + #""total_tokens":\#(usage.input + usage.output),"prompt_tokens_details":{"cached_tokens":\#(usage.cached)},"#
                + #""completion_tokens_details":{"reasoning_tokens":\#(usage.reasoning)}}}"#,
            "[DONE]",
        ]
        return stream
    }

    private func calls(_ answer: ScriptedAnswer) -> [String] {
        func piece(_ index: Int?, _ id: String?, _ name: String?, _ arguments: String?) -> String {
            var members: [String] = []
            if let index { members.append("\"index\":\(index)") }
            if let id { members.append("\"id\":\(quoted(id)),\"type\":\"function\"") }
            var function = name.map { ["\"name\":\(quoted($0))"] } ?? []
            function.append("\"arguments\":\(arguments.map(quoted) ?? "null")")
            members.append("\"function\":{\(function.joined(separator: ","))}")
            return "{\(members.joined(separator: ","))}"
        }
        let calls = Array(answer.calls.enumerated())
        let pieces = calls.map { ScriptedAnswer.pieces(of: $1.arguments, 3) }
        switch answer.style {
        case .plain:
            return calls.flatMap { index, call in
                [piece(index, call.id, call.name, "")] + pieces[index].map { piece(index, nil, nil, $0) }
            }
        case .interleaved:
            let rounds = 0..<(pieces.map(\.count).max() ?? 0)
            return calls.map { piece($0, $1.id, $1.name, "") }
                + rounds.flatMap { round in
                    calls.compactMap { index, _ in
                        pieces[index].indices.contains(round) ? piece(index, nil, nil, pieces[index][round]) : nil
                    }
                }
        case .repeated:
            return calls.flatMap { index, call in
                [piece(index, call.id, call.name, nil)] + pieces[index].map { piece(index, call.id, call.name, $0) }
            }
        case .unnumbered:
            return calls.flatMap { index, call in
                [piece(index, nil, call.name, "")] + pieces[index].map { piece(index, nil, nil, $0) }
            }
        case .sameIndex: return calls.map { piece(0, $1.id, $1.name, $1.arguments) }
        case .bare: return calls.map { piece(nil, nil, $1.name, $1.arguments) }
        }
    }
}
