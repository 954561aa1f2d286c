/// What a scripted provider of language models answers, whatever the wire.
public struct ScriptedAnswer: Sendable {
    /// A call of a tool.
    public struct Call: Sendable {
        /// Its id, on wires that have one.
        public var id: String
        /// The tool.
        public var name: String
        /// JSON, or what is to stand in its place.
        public var arguments: String

        /// A call.
        public init(_ id: String, _ name: String, _ arguments: String) {
            self.id = id
            self.name = name
            self.arguments = arguments
        }
    }

    /// How calls are cut up, where the wire is Chat Completions; each is what servers have been seen to do.
    public enum CallStyle: Sendable, CaseIterable {
        /// By index, id and name once, one call after the other.
        case plain
        /// By index, all calls at once.
        case interleaved
        /// Id and name in every piece, what is empty as `null`.
        case repeated
        /// An index, never an id.
        case unnumbered
        /// Whole calls, all of them under index 0.
        case sameIndex
        /// Whole calls without id and index.
        case bare
    }

    /// How the bytes travel.
    public enum Delivery: Sendable, Hashable {
        /// An event at a time.
        case events
        /// The same with CR LF.
        case crlf
        /// So many bytes at a time, also inside characters.
        case pieces(Int)
    }

    /// What goes wrong.
    public enum Fault: Sendable {
        /// An answer that is a refusal.
        case refused(status: Int, headers: [String] = [], type: String = "api_error", message: String = "no")
        /// All but the event that ends it, and a proper end of the transfer.
        case missingEnd
        /// The connection is closed behind so many events, without an end of the transfer.
        case disconnected(afterEvents: Int)
        /// An error behind so many events, with status 200.
        case failed(afterEvents: Int, type: String)
        /// Nothing more behind so many events; 0 is before the head.
        case silent(afterEvents: Int)
        /// The head says that there are so many bytes more than there are, or fewer.
        case wrongLength(by: Int)
        /// Bytes that mean nothing.
        case garbage
        /// A page, as proxies send.
        case page
        /// Text without an end.
        case endless
    }

    /// What it says.
    public var text: String
    /// What it thinks before.
    public var reasoning: String
    /// What it calls behind.
    public var calls: [Call]
    /// Whether a limit of tokens cut it off.
    public var isCutOff = false
    /// How the calls are cut up.
    public var style = CallStyle.plain
    /// How the bytes travel.
    public var delivery = Delivery.events
    /// What goes wrong.
    public var fault: Fault?

    /// An answer.
    public init(
        _ text: String = "",
        reasoning: String = "",
        calls: [Call] = [],
        style: CallStyle = .plain,
        delivery: Delivery = .events,
        fault: Fault? = nil
    ) {
        self.text = text
        self.reasoning = reasoning
        self.calls = calls
        self.style = style
        self.delivery = delivery
        self.fault = fault
    }

    /// What every answer is said to have used: 20 tokens in, of them 8 from a cache, and 10 out, of them 4 thought.
    static let usage = (input: 20, cached: 8, output: 10, reasoning: 4)

    /// The text in pieces of a few characters.
    var textPieces: [String] { ScriptedAnswer.pieces(of: text, 4) }
    /// The thoughts likewise.
    var reasoningPieces: [String] { ScriptedAnswer.pieces(of: reasoning, 4) }

    static func pieces(of text: String, _ size: Int) -> [String] {
        var pieces: [String] = []
        var rest = text[...]
        while !rest.isEmpty {
            pieces.append(String(rest.prefix(size)))
            rest = rest.dropFirst(size)
        }
        return pieces
    }
}
