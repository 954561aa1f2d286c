import JSON

/// Turns a scripted answer into the bytes of one wire.
struct ScriptedWire {
    /// What is streamed: events, then those that end an answer, without which it is not whole.
    struct Stream {
        var events: [String] = []
        var end: [String] = []
    }

    enum Kind: String {
        case chat = "/v1/chat/completions"
        case responses = "/v1/responses"
        case messages = "/v1/messages"
        case ollama = "/api/chat"
    }

    let kind: Kind
    let model: String

    init?(_ request: ScriptedModelServer.Request) {
        guard let kind = Kind(rawValue: request.path) else { return nil }
        self.kind = kind
        model = request.body["model"]?.string ?? ""
    }

    func stream(_ answer: ScriptedAnswer) -> Stream {
        switch kind {
        case .chat: chat(answer)
        case .responses: responses(answer)
        case .messages: messages(answer)
        case .ollama: ollama(answer)
        }
    }

    /// An error as the wire says it in the middle of a stream.
    private func error(_ type: String) -> String {
        switch kind {
        case .chat: #"{"error":{"message":"no more","type":"\#(type)","code":"\#(type)"}}"#
        case .responses: #"{"type":"error","code":"\#(type)","message":"no more","param":null}"#
        case .messages: #"{"type":"error","error":{"type":"\#(type)","message":"no more"}}"#
        case .ollama: #"{"error":"no more"}"#
        }
    }

    /// An event with its frame. Its own type names it, where the wire wants it named.
    private func framed(_ data: String) -> String {
        if kind == .ollama { return data + "\n" }
        guard kind != .chat, let start = data.firstRange(of: #""type":""#)?.upperBound else {
            return "data: \(data)\n\n"
        }
        return "event: \(data[start...].prefix { $0 != "\"" })\ndata: \(data)\n\n"
    }

    private var contentType: String { kind == .ollama ? "application/x-ndjson" : "text/event-stream; charset=utf-8" }

    /// Answers; `false` when the connection is not to be used again.
    func send(_ answer: ScriptedAnswer, over connection: ScriptedServer.Connection) -> Bool {
        let stream = stream(answer)
        var events = stream.events + stream.end
        switch answer.fault {
        case .refused(let status, let headers, let type, let message):
            let body = #"{"type":"error","error":{"message":\#(quoted(message)),"type":"\#(type)","code":"\#(type)"}}"#
            let lines = (headers + ["Content-Type: application/json", "x-request-id: req_1"]).map { $0 + "\r\n" }
                .joined()
            connection.answer(body, status: "\(status) No", headers: lines)
            return true
        case .page:
            connection.answer("<html>Sign in</html>", headers: "Content-Type: text/html\r\n")
            return true
        case .garbage:
            connection.answer("\u{1}\u{2}{]\n\n\n", headers: "Content-Type: \(contentType)\r\n")
            return true
        case .wrongLength(let difference):
            let body = events.map(framed).joined()
            let length = body.utf8.count + difference
            connection.write(
                "HTTP/1.1 200 OK\r\nContent-Type: \(contentType)\r\nContent-Length: \(length)\r\n\r\n\(body)"
            )
            return false
        case .endless:
            guard begin(connection) else { return false }
            while chunk(Array(framed(endlessEvent).utf8), connection) {}
            return false
        case .silent(0):
            connection.untilClosed()
            return false
        case .silent(let count), .disconnected(let count): events = Array(events.prefix(count))
        case .failed(let count, let type): events = Array(events.prefix(count)) + [error(type)]
        case .missingEnd: events = stream.events
        case nil: break
        }
        guard begin(connection) else { return false }
        for event in events where !deliver(framed(event), answer.delivery, connection) { return false }
        switch answer.fault {
        case .silent:
            connection.untilClosed()
            return false
        case .disconnected: return false
        default: return connection.write("0\r\n\r\n")
        }
    }

    private var endlessEvent: String { stream(ScriptedAnswer("more")).events.last ?? "" }

    private func begin(_ connection: ScriptedServer.Connection) -> Bool {
        connection.write(
            "HTTP/1.1 200 OK\r\nContent-Type: \(contentType)\r\nx-request-id: req_1\r\nTransfer-Encoding: chunked\r\n\r\n"
        )
    }

    private func deliver(
        _ event: String,
        _ delivery: ScriptedAnswer.Delivery,
        _ connection: ScriptedServer.Connection
    ) -> Bool {
        switch delivery {
        case .events: return chunk(Array(event.utf8), connection)
        case .crlf: return chunk(Array(event.replacing("\n", with: "\r\n").utf8), connection)
        case .pieces(let size):
            var rest = Array(event.utf8)[...]
            while !rest.isEmpty {
                guard chunk(Array(rest.prefix(size)), connection) else { return false }
                rest = rest.dropFirst(size)
            }
            return true
        }
    }

    private func chunk(_ bytes: [UInt8], _ connection: ScriptedServer.Connection) -> Bool {
        let framed = Array("\(String(bytes.count, radix: 16))\r\n".utf8) + bytes + Array("\r\n".utf8)
        return connection.write(framed) == framed.count
    }

    /// A text as JSON.
    func quoted(_ text: String) -> String { String(decoding: JSONWriter.bytes { $0.value(text) }, as: UTF8.self) }
}
