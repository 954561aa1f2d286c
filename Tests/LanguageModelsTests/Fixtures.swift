@testable import LanguageModels

/// One answer on each wire: a thought, a text, two calls.
enum Fixtures {
    static func usage(_ wire: Wire) -> ModelUsage {
        switch wire {
        case .openAIChat, .openAIResponses:
            ModelUsage(inputTokens: 20, cachedInputTokens: 8, outputTokens: 10, reasoningTokens: 4)
        case .anthropic: ModelUsage(inputTokens: 20, cachedInputTokens: 8, outputTokens: 10)
        case .ollama: ModelUsage(inputTokens: 20, outputTokens: 10)
        }
    }

    /// Where the event begins without which an answer is not whole.
    static func endBegins(_ wire: Wire) -> String {
        switch wire {
        case .openAIChat: #"data: {"id":"c","choices":[{"index":0,"delta":{},"finish"#
        case .openAIResponses: "event: response.completed"
        case .anthropic: "event: message_stop"
        case .ollama: #"{"model":"m","message":{"role":"assistant","content":""},"done":true"#
        }
    }

    static func answer(_ wire: Wire) -> String {
        switch wire {
        case .openAIChat:
            """
            data: {"id":"c","model":"m","choices":[{"index":0,"delta":{"role":"assistant","content":"","reasoning_content":"Hmm, ö."}}]}

            data: {"id":"c","choices":[{"index":0,"delta":{"content":"Grüße, "},"finish_reason":null}]}

            : keep alive

            data: {"id":"c","choices":[{"index":0,"delta":{"content":"\u{1F600}!"},"finish_reason":null}]}

            data: {"id":"c","choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"id":"a","type":"function","function":{"name":"find","arguments":""}}]}}]}

            data: {"id":"c","choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"function":{"arguments":"{\\"word\\":\\"ä"}},{"index":1,"id":"b","type":"function","function":{"name":"list","arguments":""}}]}}]}

            data: {"id":"c","choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"function":{"arguments":"\\"}"}}]}}]}

            data: {"id":"c","choices":[{"index":0,"delta":{},"finish_reason":"tool_calls"}],"usage":null}

            data: {"id":"c","choices":[],"usage":{"prompt_tokens":20,"completion_tokens":10,"prompt_tokens_details":{"cached_tokens":8},"completion_tokens_details":{"reasoning_tokens":4}}}

            data: [DONE]


            """
        case .openAIResponses:
            """
            event: response.created
            data: {"type":"response.created","sequence_number":0,"response":{"id":"r","model":"m","output":[]}}

            event: response.reasoning_summary_text.delta
            data: {"type":"response.reasoning_summary_text.delta","item_id":"rs_1","output_index":0,"delta":"Hmm, ö."}

            event: response.output_item.done
            data: {"type":"response.output_item.done","output_index":0,"item":{"id":"rs_1","type":"reasoning","summary":[],"encrypted_content":"ZQ"}}

            event: response.output_item.added
            data: {"type":"response.output_item.added","output_index":1,"item":{"id":"msg_1","type":"message","content":[]}}

            event: response.output_text.delta
            data: {"type":"response.output_text.delta","item_id":"msg_1","output_index":1,"delta":"Grüße, "}

            event: response.output_text.delta
            data: {"type":"response.output_text.delta","item_id":"msg_1","output_index":1,"delta":"\u{1F600}!"}

            event: response.output_item.done
            data: {"type":"response.output_item.done","output_index":1,"item":{"id":"msg_1","type":"message","content":[{"type":"output_text","text":"Grüße, \u{1F600}!"}]}}

            event: response.output_item.added
            data: {"type":"response.output_item.added","output_index":2,"item":{"id":"fc_1","type":"function_call","call_id":"a","name":"find","arguments":""}}

            event: response.output_item.added
            data: {"type":"response.output_item.added","output_index":3,"item":{"id":"fc_2","type":"function_call","call_id":"b","name":"list","arguments":""}}

            event: response.function_call_arguments.delta
            data: {"type":"response.function_call_arguments.delta","item_id":"fc_1","output_index":2,"delta":"{\\"word\\":"}

            event: response.function_call_arguments.done
            data: {"type":"response.function_call_arguments.done","item_id":"fc_2","output_index":3,"arguments":"{}"}

            event: response.function_call_arguments.delta
            data: {"type":"response.function_call_arguments.delta","item_id":"fc_1","output_index":2,"delta":"\\"ä\\"}"}

            event: response.output_item.done
            data: {"type":"response.output_item.done","output_index":2,"item":{"id":"fc_1","type":"function_call","call_id":"a","name":"find","arguments":"{\\"word\\":\\"ä\\"}"}}

            event: response.completed
            data: {"type":"response.completed","response":{"id":"r","output":[{"type":"message","content":[{"type":"output_text","text":"again"}]}],"usage":{"input_tokens":20,"output_tokens":10,"input_tokens_details":{"cached_tokens":8},"output_tokens_details":{"reasoning_tokens":4}}}}


            """
        case .anthropic:
            """
            event: message_start
            data: {"type":"message_start","message":{"id":"msg","model":"m","usage":{"input_tokens":12,"cache_read_input_tokens":8,"output_tokens":1}}}

            event: ping
            data: {"type":"ping"}

            event: content_block_start
            data: {"type":"content_block_start","index":0,"content_block":{"type":"thinking","thinking":"","signature":""}}

            event: content_block_delta
            data: {"type":"content_block_delta","index":0,"delta":{"type":"thinking_delta","thinking":"Hmm, ö."}}

            event: content_block_delta
            data: {"type":"content_block_delta","index":0,"delta":{"type":"signature_delta","signature":"c2ln"}}

            event: content_block_stop
            data: {"type":"content_block_stop","index":0}

            event: content_block_start
            data: {"type":"content_block_start","index":1,"content_block":{"type":"text","text":""}}

            event: content_block_delta
            data: {"type":"content_block_delta","index":1,"delta":{"type":"text_delta","text":"Grüße, "}}

            event: content_block_delta
            data: {"type":"content_block_delta","index":1,"delta":{"type":"text_delta","text":"\u{1F600}!"}}

            event: content_block_stop
            data: {"type":"content_block_stop","index":1}

            event: content_block_start
            data: {"type":"content_block_start","index":2,"content_block":{"type":"tool_use","id":"a","name":"find","input":{}}}

            event: content_block_delta
            data: {"type":"content_block_delta","index":2,"delta":{"type":"input_json_delta","partial_json":""}}

            event: content_block_delta
            data: {"type":"content_block_delta","index":2,"delta":{"type":"input_json_delta","partial_json":"{\\"word\\":\\"ä\\"}"}}

            event: content_block_stop
            data: {"type":"content_block_stop","index":2}

            event: content_block_start
            data: {"type":"content_block_start","index":3,"content_block":{"type":"tool_use","id":"b","name":"list","input":{}}}

            event: content_block_stop
            data: {"type":"content_block_stop","index":3}

            event: message_delta
            data: {"type":"message_delta","delta":{"stop_reason":"tool_use","stop_sequence":null},"usage":{"output_tokens":10}}

            event: message_stop
            data: {"type":"message_stop"}


            """
        case .ollama:
            """
            {"model":"m","message":{"role":"assistant","content":"","thinking":"Hmm, ö."},"done":false}
            {"model":"m","message":{"role":"assistant","content":"Grüße, "},"done":false}
            {"model":"m","message":{"role":"assistant","content":"\u{1F600}!"},"done":false}
            {"model":"m","message":{"role":"assistant","content":"","tool_calls":[{"function":{"name":"find","arguments":{"word":"ä"}}},{"function":{"name":"list","arguments":{}}}]},"done":false}
            {"model":"m","message":{"role":"assistant","content":""},"done":true,"done_reason":"stop","prompt_eval_count":20,"eval_count":10}

            """
        }
    }
}
