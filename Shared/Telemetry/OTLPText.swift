import Kernel

/// Spans in OTLP's JSON form (opentelemetry-proto, `ExportTraceServiceRequest`).
public enum OTLPText {
    /// The body of a request to `/v1/traces`.
    public static func traces(_ spans: [Span], service: String) -> String {
        var text = "{\"resourceSpans\":[{\"resource\":{\"attributes\":["
        attribute("service.name", service, to: &text)
        text += "]},\"scopeSpans\":[{\"scope\":{\"name\":\"martlet\"},\"spans\":["
        for (index, span) in spans.enumerated() {
            if index > 0 { text += "," }
            write(span, to: &text)
        }
        return text + "]}]}]}"
    }

    private static func write(_ span: Span, to text: inout String) {
        text += "{\"traceId\":\"\(span.context.traceIDText)\",\"spanId\":\"\(span.context.spanIDText)\""
        if let parent = span.parent {
            let context = TraceContext(traceID: span.context.traceID, spanID: parent, sampled: true)
            text += ",\"parentSpanId\":\"\(context.spanIDText)\""
        }
        text += ",\"name\":"
        JSONText.append(span.name, to: &text)
        text += ",\"kind\":\(span.kind.rawValue)"
        text +=
            ",\"startTimeUnixNano\":\"\(span.start.microseconds)000\",\"endTimeUnixNano\":\"\(span.end.microseconds)000\""
        text += ",\"attributes\":["
        for (index, pair) in span.attributes.enumerated() {
            if index > 0 { text += "," }
            attribute(pair.name, pair.value, to: &text)
        }
        text += "],\"status\":{"
        if let failure = span.failure {
            text += "\"code\":2,\"message\":"
            JSONText.append(failure, to: &text)
        }
        text += "}}"
    }

    private static func attribute(_ name: String, _ value: String, to text: inout String) {
        text += "{\"key\":"
        JSONText.append(name, to: &text)
        text += ",\"value\":{\"stringValue\":"
        JSONText.append(value, to: &text)
        text += "}}"
    }
}
