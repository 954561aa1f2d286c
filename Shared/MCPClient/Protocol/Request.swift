import JSON
import Telemetry

/// A message that is sent to a server.
struct Request: Sendable {
    /// What its answer is known by; `nil` for a notification.
    let id: Int?
    let method: String
    /// The revision it is written in; `nil` for the handshake itself.
    let revision: Revision?
    let body: [UInt8]
    /// What it is about, for the header of modern requests.
    var subject: String?
    /// Arguments that are repeated in headers.
    var headers: [(name: String, value: String)] = []
    var trace: TraceContext?

    /// A message whose parameters `parameters` writes.
    init(
        _ method: String,
        id: Int?,
        revision: Revision?,
        client: RawJSON = .emptyObject,
        trace: TraceContext? = nil,
        _ parameters: (inout JSONWriter) -> Void = { _ in }
    ) {
        self.id = id
        self.method = method
        self.revision = revision
        self.trace = trace
        body = JSONWriter.bytes { json in
            json.object { json in
                json.member("jsonrpc", "2.0")
                if let id { json.member("id", id) }
                json.member("method", method)
                json.member("params") { json in
                    json.object { json in
                        parameters(&json)
                        Request.meta(id, revision, client, trace, &json)
                    }
                }
            }
        }
    }

    /// What tells the server that nobody waits for the answer any more.
    var cancellation: Request {
        Request("notifications/cancelled", id: nil, revision: revision) { json in
            if let id { json.member("requestId", id) }
        }
    }

    private static func meta(
        _ id: Int?,
        _ revision: Revision?,
        _ client: RawJSON,
        _ trace: TraceContext?,
        _ json: inout JSONWriter
    ) {
        // The handshake and notifications have nothing to add.
        guard let revision, let id else { return }
        json.member("_meta") { json in
            json.object { json in
                if revision.isModern {
                    json.member(Revision.prefix + "protocolVersion", Revision.modernText)
                    json.member(Revision.prefix + "clientCapabilities", RawJSON.emptyObject)
                    json.member(Revision.prefix + "clientInfo", client)
                }
                json.member("progressToken", id)
                if let trace {
                    json.member("traceparent", trace.traceparent)
                    if let state = trace.state { json.member("tracestate", state) }
                }
            }
        }
    }
}
