import Concurrency
public import JSON

/// A provider of language models that says what a test wants, byte for byte, over four wires: OpenAI's Chat Completions
/// (`/v1/chat/completions`) and Responses (`/v1/responses`), Anthropic's Messages (`/v1/messages`), and Ollama's
/// (`/api/chat`). That its streams are what they claim is shown with the official clients.
public final class ScriptedModelServer: Sendable {
    /// A request that came.
    public struct Request: Sendable {
        /// The path.
        public let path: String
        /// The head's lines, names in lower case.
        public let headers: [String: String]
        /// The body.
        public let body: JSONElement

        init?(_ text: String) {
            guard let end = text.firstRange(of: "\r\n\r\n") else { return nil }
            let lines = text[..<end.lowerBound].split(separator: "\r\n")
            path = String(lines.first?.split(separator: " ").dropFirst().first ?? "")
            headers = Dictionary(
                lines.dropFirst()
                    .compactMap { line in
                        line.firstIndex(of: ":")
                            .map {
                                (line[..<$0].lowercased(), String(line[line.index(after: $0)...].drop { $0 == " " }))
                            }
                    },
                uniquingKeysWith: { $1 }
            )
            do {
                body = try JSONDocument(parsing: String(text[end.upperBound...])).root
            } catch {
                return nil
            }
        }
    }

    private let server: ScriptedServer

    /// Its URL, without a path: OpenAI's and Anthropic's begin with `/v1` behind it.
    public var url: String { server.url }
    /// What it was asked so far.
    public var requests: [Request] { log.requests }

    private let log: Log

    /// What came, shared with the threads of the connections.
    private final class Log: Sendable {
        private let content = Lock<[Request]>([])
        var requests: [Request] { content.withLock { $0 } }
        /// Notes a request and says which it is, from 0.
        func note(_ request: Request) -> Int {
            content.withLock {
                $0.append(request)
                return $0.count - 1
            }
        }
    }

    /// Gives the answers in turn, and the last one for ever.
    public convenience init(_ answers: [ScriptedAnswer]) {
        self.init { _, number in answers[min(number, answers.count - 1)] }
    }

    /// Asks `answer` what to say to the request with that number, from 0.
    public init(_ answer: @escaping @Sendable (Request, Int) -> ScriptedAnswer) {
        let log = Log()
        self.log = log
        server = ScriptedServer { connection, _, _ in
            while let text = connection.request() {
                guard let request = Request(text), let wire = ScriptedWire(request) else {
                    connection.answer("{}", status: "404 Not Found")
                    continue
                }
                guard wire.send(answer(request, log.note(request)), over: connection) else { return }
            }
        }
    }
}
